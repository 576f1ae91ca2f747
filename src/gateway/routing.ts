import type { DataPathReason } from "../core/errors.ts";
import type { GroupName, InstanceId, ServiceName } from "../core/names.ts";
import { continueRotation, leastBusy, nextMember, type Rotation } from "../core/traffic/pick.ts";
import type { GroupRoute, RouteChange, RouteTable, ServiceRoute } from "../core/traffic/route-table.ts";
import type { MessageHead } from "../http1/message-head.ts";
import { Instance, isSameAddress } from "./instance.ts";
import { Meter } from "./meter.ts";
import type { Mirror } from "./mirror.ts";
import { RouteIndex } from "./route-index.ts";
import type { TableInForce } from "./table-check.ts";
import { isOpenedBy, signedBodyOf } from "./token.ts";

/** A service as a gateway serves it. Lives as long as tables name it, so that counters and rotation go on over updates. */
export class Service {
  readonly name: ServiceName;
  /** What came to no instance; the rest is counted by each instance. */
  readonly meter = new Meter();
  /** Requests through a group's address since the last report. */
  grouped = 0;
  /** `X-Sluice-Service: <name>` and its line end: says who answered for a group. */
  readonly memberLine: Buffer;
  instances: readonly Instance[] = [];
  /** No longer named, but with something that was not reported yet. */
  readonly leaving = new Set<Instance>();
  keepaliveMs = 0;
  /** The body of a signed request is checked against its Content-MD5. */
  isBodyChecked = true;
  inFlight = 0;
  /** Who copies its requests to others; null: nobody. */
  mirror: Mirror | null = null;
  #turn = 0;

  constructor(name: ServiceName) {
    this.name = name;
    this.memberLine = Buffer.from(`X-Sluice-Service: ${name}\r\n`, "latin1");
  }

  /** After a report: instances that have nothing in flight any more have told all. */
  forgetLeft(): void {
    for (const instance of this.leaving) if (instance.inFlight === 0) this.leaving.delete(instance);
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
export class Routing implements TableInForce {
  number = 0;
  readonly index = new RouteIndex([]);
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

  /** Finds the service for the request in `buf`, by address, token and share. Null, or why the request is refused. */
  admit(head: MessageHead, buf: Buffer): DataPathReason | null {
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
      this.admitted = route.group.pick();
      this.isThroughGroup = true;
      if (this.admitted === null) return "NO_READY_INSTANCE";
    }
    return this.admitted!.instances.length === 0 ? "NO_READY_INSTANCE" : null;
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
    const kept = new Set<Instance>();
    for (const route of change.services) {
      const service = this.#services.get(route.name) ?? new Service(route.name);
      service.keepaliveMs = route.keepaliveMs;
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
