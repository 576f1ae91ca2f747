import type { DataPathReason } from "../core/errors.ts";
import type { GroupName, InstanceId, ServiceName } from "../core/names.ts";
import { continueRotation, leastBusy, nextMember, type Rotation } from "../core/traffic/pick.ts";
import type { RouteTable } from "../core/traffic/route-table.ts";
import type { MessageHead } from "../http1/message-head.ts";
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
  keepaliveMs = 0;
  inFlight = 0;
  #turn = 0;

  constructor(name: ServiceName) {
    this.name = name;
    this.memberLine = Buffer.from(`X-Sluice-Service: ${name}\r\n`, "latin1");
  }

  /** The instance for the next request, `except` left out; null when there is none. */
  pick(except: Instance | null): Instance | null {
    const { instances } = this;
    const left = except === null ? -1 : instances.indexOf(except);
    this.#turn = this.#turn + 1 < instances.length ? this.#turn + 1 : 0;
    const index = leastBusy(instances, this.#turn, left);
    return index === -1 ? null : instances[index]!;
  }
}

/** A group as a gateway serves it. */
export class Group {
  readonly name: GroupName;
  #members: readonly Service[] = [];
  #rotation: Rotation | null = null;

  constructor(name: GroupName) {
    this.name = name;
  }

  /** The member for the next request, by exact weights; null when there is none. */
  pick(): Service | null {
    const index = this.#rotation === null ? -1 : nextMember(this.#rotation);
    return index === -1 ? null : this.#members[index]!;
  }

  update(members: Rotation["members"], services: ReadonlyMap<string, Service>): void {
    this.#rotation = continueRotation(this.#rotation, members);
    this.#members = members.map((m) => services.get(m.service)!);
  }
}

/** What the table in force says, together with what has to live on from table to table. */
export class Routing {
  number = 0;
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

  /** Finds the service for the request in `buf`, by address, token and share. Null, or why the request is refused. */
  admit(head: MessageHead, buf: Buffer): DataPathReason | null {
    const route = this.index.find(buf, head.pathFrom, head.targetTo);
    this.admitted = route === null ? null : route.service;
    this.isThroughGroup = false;
    if (route === null) return "ROUTE_NOT_FOUND";
    if (!isOpenedBy(head, buf, route.tokens)) return "TOKEN_REQUIRED";
    if (route.group !== null) {
      this.admitted = route.group.pick();
      this.isThroughGroup = true;
      if (this.admitted === null) return "NO_READY_INSTANCE";
    }
    return this.admitted!.instances.length === 0 ? "NO_READY_INSTANCE" : null;
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
      const service = before.get(route.name) ?? new Service(route.name);
      service.keepaliveMs = route.keepaliveMs;
      if (route.policy === undefined) service.gate = null;
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
    const groups = new Map<string, Group>();
    for (const route of table.groups) {
      const group = this.#groups.get(route.name) ?? new Group(route.name);
      group.update(route.members, this.#services);
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
