import type { DataPathReason } from "../core/errors.ts";
import type { GroupName, InstanceId, ServiceName } from "../core/names.ts";
import { hasLimit } from "../core/traffic/policy.ts";
import type { GroupRoute, RouteChange, RouteTable, ServiceRoute } from "../core/traffic/route-table.ts";
import { FIELD } from "../http1/field-names.ts";
import { FIELD_STRIDE, type MessageHead } from "../http1/message-head.ts";
import { findField } from "../http1/request-head.ts";
import { ClientKeys } from "./client-key.ts";
import { Group } from "./group.ts";
import { HostNames } from "./host-names.ts";
import { Instance, isSameAddress } from "./instance.ts";
import { RouteIndex } from "./route-index.ts";
import { Service } from "./service.ts";
import { ServiceGate } from "./service-gate.ts";
import type { TableInForce } from "./table-check.ts";
import { isOpenedBy, signedBodyOf } from "./token.ts";

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
  readonly hosts = new HostNames(this);
  readonly serviceRoutes = new Map<ServiceName, ServiceRoute>();
  readonly groupRoutes = new Map<GroupName, GroupRoute>();
  readonly owners = new Map<InstanceId, ServiceName>();
  readonly #services = new Map<string, Service>();
  readonly #groups = new Map<string, Group>();
  /** No longer named, but with something that was not reported yet. */
  readonly #leaving = new Set<Service>();
  /** No longer named, but with requests in flight. */
  readonly #lingering = new Map<InstanceId, Set<Instance>>();

  /** What the last `admit` found: the service, null when none is known, and whether a group's address led to it. */
  admitted: Service | null = null;
  isThroughGroup = false;
  /** Of a signed request, the Content-MD5 that its body is to be checked against; null for all others. */
  bodyMd5: string | null = null;

  readonly #chance: () => number;

  /** `chance` is even in [0, 1). */
  constructor(chance: () => number) {
    this.#chance = chance;
    this.keys = new ClientKeys(chance);
  }

  /** Finds the service for the request in `buf`, by address, token and share. Null, or why the request is refused. */
  admit(head: MessageHead, buf: Buffer): DataPathReason | null {
    const refusal = this.#admit(head, buf);
    return refusal === null && this.admitted!.isGrpc ? "PROTOCOL_MISMATCH" : refusal;
  }

  /** The same for a gRPC call. */
  admitCall(head: MessageHead, buf: Buffer): DataPathReason | null {
    const refusal = this.#admit(head, buf);
    return refusal === null && !this.admitted!.isGrpc ? "PROTOCOL_MISMATCH" : refusal;
  }

  #admit(head: MessageHead, buf: Buffer): DataPathReason | null {
    this.keys.begin();
    const route = this.index.find(buf, head.pathFrom, head.targetTo);
    this.admitted = route === null ? null : route.service;
    this.isThroughGroup = false;
    if (route === null) return "ROUTE_NOT_FOUND";
    this.bodyMd5 = null;
    if (!isOpenedBy(head, buf, route.tokens)) {
      const md5 = signedBodyOf(head, buf, route.tokens);
      if (md5 === null) return "TOKEN_REQUIRED";
      if (md5 !== "") this.bodyMd5 = md5;
    }
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

  /** Those that have something to report: the named ones, and once more or until they are done those that left. */
  *measured(): Generator<Service> {
    yield* this.#services.values();
    for (const service of this.#leaving) {
      yield service;
      if (service.leaving.size === 0) this.#leaving.delete(service);
    }
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
      const service = this.#services.get(name);
      for (const instance of service?.instances ?? []) {
        named.set(instance.id, instance);
        service!.leaving.add(instance);
      }
      this.#forgetRoute(name);
    }
    for (const name of change.goneServices) {
      const service = this.#services.get(name)!;
      service.instances = [];
      this.#leaving.add(service);
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
      service.isGrpc = route.protocol === "grpc";
      service.balancing = route.policy?.balancing ?? null;
      if (route.policy === undefined || !hasLimit(route.policy)) service.gate = null;
      else if (service.gate === null) service.gate = new ServiceGate(route.policy, share);
      else service.gate.update(route.policy, share);
      service.isBodyChecked = route.isBodyChecked;
      service.instances = route.instances.map(({ id, address }) => {
        const known =
          named.get(id) ??
          [...(this.#lingering.get(id) ?? [])].find((i) => isSameAddress(i.address, address));
        const instance =
          known !== undefined && isSameAddress(known.address, address) ? known : new Instance(id, address);
        kept.add(instance);
        service.leaving.delete(instance);
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
    const ofGroup = group === null ? [] : asBytes(this.groupRoutes.get(group)?.tokens ?? []);
    own.push(...ofGroup.filter((token) => !own.some((o) => o.equals(token))));
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
