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
import type { RouteTable } from "../core/traffic/route-table.ts";
import { FIELD } from "../http1/field-names.ts";
import { FIELD_STRIDE, type MessageHead } from "../http1/message-head.ts";
import { findField } from "../http1/request-head.ts";
import { ClientKeys, NO_KEY } from "./client-key.ts";
import { Instance, isSameAddress } from "./instance.ts";
import { ServiceMeter } from "./meter.ts";
import { type Route, RouteIndex } from "./route-index.ts";
import { ServiceGate } from "./service-gate.ts";
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
  /** All services of the group by name, those without a share too. */
  all: ReadonlyMap<string, Service> = new Map();
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
export class Routing {
  number = 0;
  /** What clients are known by, where that counts. */
  readonly keys: ClientKeys;
  /** Which of the gateway workers this is, from 0: says which part of a limit it has. */
  workerIndex = 0;
  index = new RouteIndex([]);
  #services = new Map<string, Service>();
  #groups = new Map<string, Group>();
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
    return group.all.get(buf.toString("latin1", head.fields[slot + 2]!, head.fields[slot + 3]!)) ?? null;
  }

  get services(): Iterable<Service> {
    return this.#services.values();
  }

  /** Puts a checked table in force, whole. */
  apply(table: RouteTable): void {
    const before = this.#services;
    const named = new Map<InstanceId, Instance>();
    for (const service of before.values()) for (const i of service.instances) named.set(i.id, i);
    this.#services = new Map();
    const share = { index: this.workerIndex, count: table.workerCount ?? 1 };
    const kept = new Set<Instance>();
    for (const route of table.services) {
      const service = before.get(route.name) ?? new Service(route.name, this.#chance);
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
        return instance;
      });
      this.#services.set(route.name, service);
    }
    for (const instance of kept) this.#forget(instance);
    for (const instance of named.values()) if (!kept.has(instance)) this.#remove(instance);
    for (const [name, service] of before) if (!this.#services.has(name)) service.instances = [];
    const membersOf = new Map<string, Map<string, Service>>();
    for (const { name, group } of table.services) {
      if (group === null) continue;
      const members = membersOf.get(group) ?? new Map<string, Service>();
      membersOf.set(group, members.set(name, this.#services.get(name)!));
    }
    const groups = new Map<string, Group>();
    for (const route of table.groups) {
      const group = this.#groups.get(route.name) ?? new Group(route.name);
      group.update(route.members, this.#services);
      group.sticky = route.sticky ?? null;
      group.all = membersOf.get(route.name) ?? new Map();
      groups.set(route.name, group);
    }
    this.#groups = groups;
    this.index = new RouteIndex(this.#routes(table));
    this.number = table.number;
  }

  #routes(table: RouteTable): Route[] {
    const routes: Route[] = [];
    const groupTokens = new Map<GroupName, readonly Buffer[]>();
    for (const { name, tokens } of table.groups) {
      const own: Buffer[] = tokens.map((t) => Buffer.from(t, "latin1"));
      groupTokens.set(name, own);
      routes.push({ name, tokens: own, service: null, group: this.#groups.get(name)! });
    }
    for (const { name, group, tokens } of table.services) {
      const service = this.#services.get(name)!;
      const own: Buffer[] = tokens.map((t) => Buffer.from(t, "latin1"));
      if (group !== null) own.push(...(groupTokens.get(group) ?? []));
      routes.push({ name, tokens: own, service, group: null });
      if (group !== null) routes.push({ name: `${group}.${name}`, tokens: own, service, group: null });
    }
    return routes;
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
