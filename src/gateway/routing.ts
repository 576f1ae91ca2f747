import type { DataPathReason } from "../core/errors.ts";
import type { GroupName, InstanceId, ServiceName } from "../core/names.ts";
import { type Affinity, chooseByKey, keyOfText, type Weighted } from "../core/traffic/affinity.ts";
import {
  continueRotation,
  leastBusy,
  lessBusyOfTwo,
  nextMember,
  type Rotation,
} from "../core/traffic/pick.ts";
import { type Balancing, hasLimit } from "../core/traffic/policy.ts";
import type { GroupRoute, RouteChange, RouteTable, ServiceRoute } from "../core/traffic/route-table.ts";
import { FIELD } from "../http1/field-names.ts";
import { FIELD_STRIDE, type MessageHead } from "../http1/message-head.ts";
import { findField } from "../http1/request-head.ts";
import { ClientKeys, NO_KEY } from "./client-key.ts";
import { Instance, isSameAddress } from "./instance.ts";
import { ServiceMeter } from "./meter.ts";
import { RouteIndex } from "./route-index.ts";
import { ServiceGate } from "./service-gate.ts";
import type { TableInForce } from "./table-check.ts";
import { isOpenedBy } from "./token.ts";

/** A service as a gateway serves it. Lives as long as tables name it, so that counters and rotation go on over updates. */
export class Service {
  readonly name: ServiceName;
  readonly meter = new ServiceMeter();
  /** `X-Sluice-Service: <name>` and its line end: says who answered for a group. */
  readonly memberLine: Buffer;
  /** Its limits; null: none. */
  gate: ServiceGate | null = null;
  instances: readonly Instance[] = [];
  /** Another way to pick than the least in flight. */
  balancing: Balancing | null = null;
  keepaliveMs = 0;
  inFlight = 0;
  #turn = 0;
  readonly #chance: () => number;

  constructor(name: ServiceName, chance: () => number) {
    this.name = name;
    this.#chance = chance;
    this.memberLine = Buffer.from(`X-Sluice-Service: ${name}\r\n`, "latin1");
  }

  /** The instance for the next request, `except` left out; null when there is none. `key` is the client's, or NO_KEY. */
  pick(except: Instance | null, key: number): Instance | null {
    const { instances } = this;
    const left = except === null ? -1 : instances.indexOf(except);
    if (this.balancing !== null) {
      const picked = this.#pickOtherwise(this.balancing, left, key);
      if (picked !== -1) return instances[picked]!;
    }
    this.#turn = this.#turn + 1 < instances.length ? this.#turn + 1 : 0;
    const index = leastBusy(instances, this.#turn, left);
    return index === -1 ? null : instances[index]!;
  }

  /** -1: the least busy one is to be taken. */
  #pickOtherwise(balancing: Balancing, left: number, key: number): number {
    const { instances } = this;
    if (balancing.kind === "random-two")
      return lessBusyOfTwo(instances, this.#chance(), this.#chance(), left);
    if (key === NO_KEY) return -1;
    const able = instances.filter((instance, i) => i !== left && !instance.isSuspect);
    const chosen = chooseByKey(able, key);
    return chosen === -1 ? -1 : instances.indexOf(able[chosen]!);
  }
}

/** A group as a gateway serves it. */
export class Group {
  readonly name: GroupName;
  /** By what a client is known that stays with its member; null: requests are shared one by one. */
  sticky: Affinity | null = null;
  #members: readonly Service[] = [];
  #weighted: readonly Weighted[] = [];
  #rotation: Rotation | null = null;

  constructor(name: GroupName) {
    this.name = name;
  }

  /** The member for the next request, by exact weights; null when there is none. */
  pick(): Service | null {
    const index = this.#rotation === null ? -1 : nextMember(this.#rotation);
    return index === -1 ? null : this.#members[index]!;
  }

  /** The member of the client with this key; null when there is none. */
  pickFor(key: number): Service | null {
    if (key === NO_KEY) return this.pick();
    const index = chooseByKey(this.#weighted, key);
    return index === -1 ? null : this.#members[index]!;
  }

  update(members: Rotation["members"], services: ReadonlyMap<string, Service>): void {
    this.#weighted = members.map((m) => ({ seed: keyOfText(m.service), weight: m.weight }));
    this.#rotation = continueRotation(this.#rotation, members);
    this.#members = members.map((m) => services.get(m.service)!);
  }
}

/** What the table in force says, together with what has to live on from table to table. */
export class Routing implements TableInForce {
  number = 0;
  /** What clients are known by, where that counts. */
  readonly keys: ClientKeys;
  /** Which of the gateway workers this is, from 0: says which part of a limit it has. */
  workerIndex = 0;
  /** How many there are; only whole tables say it. */
  #workerCount = 1;
  readonly index = new RouteIndex([]);
  readonly serviceRoutes = new Map<ServiceName, ServiceRoute>();
  readonly groupRoutes = new Map<GroupName, GroupRoute>();
  readonly owners = new Map<InstanceId, ServiceName>();
  readonly #services = new Map<string, Service>();
  readonly #groups = new Map<string, Group>();
  /** No longer named, but with requests in flight. */
  readonly #lingering = new Map<InstanceId, Set<Instance>>();

  /** What the last `admit` found: the service, null when none is known, and whether a group's address led to it. */
  admitted: Service | null = null;
  isThroughGroup = false;

  readonly #chance: () => number;

  /** `chance` is even in [0, 1). */
  constructor(chance: () => number) {
    this.#chance = chance;
    this.keys = new ClientKeys(chance);
  }

  /** Finds the service for the request in `buf`, by address, token and share. Null, or why the request is refused. */
  admit(head: MessageHead, buf: Buffer): DataPathReason | null {
    this.keys.begin();
    const route = this.index.find(buf, head.pathFrom, head.targetTo);
    this.admitted = route === null ? null : route.service;
    this.isThroughGroup = false;
    if (route === null) return "ROUTE_NOT_FOUND";
    if (!isOpenedBy(head, buf, route.tokens)) return "TOKEN_REQUIRED";
    if (route.group !== null) {
      const { group } = route;
      this.isThroughGroup = true;
      const forced = findField(head, FIELD.X_SLUICE_MEMBER);
      if (forced !== -1) this.admitted = this.#forcedMember(group, head, buf, forced);
      else if (group.sticky === null) this.admitted = group.pick();
      else this.admitted = group.pickFor(this.keys.read(group.sticky, head, buf));
      if (this.admitted === null) return forced === -1 ? "NO_READY_INSTANCE" : "ROUTE_NOT_FOUND";
    }
    return this.admitted!.instances.length === 0 ? "NO_READY_INSTANCE" : null;
  }

  /** `X-Sluice-Member`: the group's token, which alone opens its address, may choose any of its services. */
  #forcedMember(group: Group, head: MessageHead, buf: Buffer, field: number): Service | null {
    const slot = field * FIELD_STRIDE;
    const name = buf.toString("latin1", head.fields[slot + 2]!, head.fields[slot + 3]!) as ServiceName;
    return this.serviceRoutes.get(name)?.group === group.name ? this.#services.get(name)! : null;
  }

  get services(): Iterable<Service> {
    return this.#services.values();
  }

  /** Puts a checked table in force, whole. */
  apply(table: RouteTable): void {
    this.#workerCount = table.workerCount ?? 1;
    const services = new Set<string>(table.services.map((s) => s.name));
    const groups = new Set<string>(table.groups.map((g) => g.name));
    this.change({
      ...table,
      goneServices: [...this.serviceRoutes.keys()].filter((name) => !services.has(name)),
      goneGroups: [...this.groupRoutes.keys()].filter((name) => !groups.has(name)),
    });
  }

  /** Puts a checked change in force, whole: requests see the table before it or the one after. Costs what is changed. */
  change(change: Omit<RouteChange, "base">): void {
    const named = new Map<InstanceId, Instance>();
    for (const name of [...change.goneServices, ...change.services.map((s) => s.name)]) {
      for (const instance of this.#services.get(name)?.instances ?? []) named.set(instance.id, instance);
      this.#forgetRoute(name);
    }
    for (const name of change.goneServices) {
      this.#services.get(name)!.instances = [];
      this.#services.delete(name);
    }
    for (const name of change.goneGroups) {
      this.index.remove(name);
      this.groupRoutes.delete(name);
      this.#groups.delete(name);
    }
    const share = { index: this.workerIndex, count: this.#workerCount };
    const kept = new Set<Instance>();
    for (const route of change.services) {
      const service = this.#services.get(route.name) ?? new Service(route.name, this.#chance);
      service.keepaliveMs = route.keepaliveMs;
      service.balancing = route.policy?.balancing ?? null;
      if (route.policy === undefined || !hasLimit(route.policy)) service.gate = null;
      else if (service.gate === null) service.gate = new ServiceGate(route.policy, share);
      else service.gate.update(route.policy, share);
      service.instances = route.instances.map(({ id, address }) => {
        const known =
          named.get(id) ??
          [...(this.#lingering.get(id) ?? [])].find((i) => isSameAddress(i.address, address));
        const instance =
          known !== undefined && isSameAddress(known.address, address) ? known : new Instance(id, address);
        kept.add(instance);
        instance.isNamed = true;
        this.owners.set(id, route.name);
        return instance;
      });
      this.#services.set(route.name, service);
      this.serviceRoutes.set(route.name, route);
    }
    for (const instance of kept) this.#forget(instance);
    for (const instance of named.values()) if (!kept.has(instance)) this.#remove(instance);
    for (const route of change.groups) {
      const group = this.#groups.get(route.name) ?? new Group(route.name);
      group.update(route.members, this.#services);
      group.sticky = route.sticky ?? null;
      this.#groups.set(route.name, group);
      this.groupRoutes.set(route.name, route);
      this.index.put({ name: route.name, tokens: asBytes(route.tokens), service: null, group });
    }
    for (const route of change.services) this.#addRoute(route);
    // A group's token opens its members: they follow when it changes.
    const groups = new Set<string>(change.groups.map((g) => g.name));
    if (groups.size > 0) {
      for (const route of this.serviceRoutes.values())
        if (route.group !== null && groups.has(route.group)) this.#addRoute(route);
    }
    this.number = change.number;
  }

  #forgetRoute(name: ServiceName): void {
    const route = this.serviceRoutes.get(name);
    if (route === undefined) return;
    this.index.remove(name);
    if (route.group !== null) this.index.remove(`${route.group}.${name}`);
    for (const { id } of route.instances) this.owners.delete(id);
    this.serviceRoutes.delete(name);
  }

  #addRoute({ name, group, tokens }: ServiceRoute): void {
    const service = this.#services.get(name)!;
    const own = asBytes(tokens);
    if (group !== null) own.push(...asBytes(this.groupRoutes.get(group)?.tokens ?? []));
    this.index.put({ name, tokens: own, service, group: null });
    if (group !== null) this.index.put({ name: `${group}.${name}`, tokens: own, service, group: null });
  }

  #remove(instance: Instance): void {
    instance.isNamed = false;
    instance.closeIdle();
    if (instance.inFlight === 0) return;
    const same = this.#lingering.get(instance.id) ?? new Set();
    this.#lingering.set(instance.id, same.add(instance));
  }

  #forget(instance: Instance): void {
    const same = this.#lingering.get(instance.id);
    if (same?.delete(instance) && same.size === 0) this.#lingering.delete(instance.id);
  }

  /** A request to an instance is over. True when that was the last one to an instance that is no longer named. */
  release(instance: Instance): boolean {
    instance.inFlight--;
    if (instance.isNamed || instance.inFlight > 0) return false;
    this.#forget(instance);
    return true;
  }

  /** Requests in flight to instances that the table in force no longer names. */
  lingering(): Record<InstanceId, number> {
    const counts: Record<InstanceId, number> = {};
    for (const [id, same] of this.#lingering)
      for (const i of same) counts[id] = (counts[id] ?? 0) + i.inFlight;
    return counts;
  }

  /** Of each service with any: requests in flight. */
  inFlight(): Record<ServiceName, number> {
    const counts: Record<ServiceName, number> = {};
    for (const service of this.#services.values())
      if (service.inFlight > 0) counts[service.name] = service.inFlight;
    return counts;
  }
}

const asBytes = (tokens: readonly string[]) => tokens.map((t): Buffer => Buffer.from(t, "latin1"));
