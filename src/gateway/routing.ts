import type { DataPathReason } from "../core/errors.ts";
import type { GroupName, InstanceId, ServiceName } from "../core/names.ts";
import type { WorkerShare } from "../core/traffic/policy.ts";
import type { GroupRoute, RouteChange, RouteTable, ServiceRoute } from "../core/traffic/route-table.ts";
import { FIELD } from "../http1/field-names.ts";
import { FIELD_STRIDE, type MessageHead } from "../http1/message-head.ts";
import { findField } from "../http1/request-head.ts";
import { ClientKeys } from "./client-key.ts";
import { Group } from "./group.ts";
import { HostNames } from "./host-names.ts";
import { Instance, isSameAddress } from "./instance.ts";
import { RouteIndex } from "./route-index.ts";
import { Service, type TableSwitch } from "./service.ts";
import { finish, type Steps } from "./slices.ts";
import type { TableInForce } from "./table-check.ts";
import { isOpenedBy, signedBodyOf } from "./token.ts";

/** Instances of one service handled before the work may be put aside. */
const INSTANCES_A_STEP = 32;

/** A service that a change names, as it was and as it is to be. */
interface Affected {
  readonly service: Service;
  /** Null: new. */
  readonly route: ServiceRoute | null;
  readonly before: readonly Instance[];
  /** Null: gone. */
  readonly next: ServiceRoute | null;
  readonly instances: Instance[];
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
  index = new RouteIndex([]);
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
    this.admitted?.follow();
    this.bodyMd5 = null;
    if (!isOpenedBy(head, buf, route.tokens)) {
      const md5 = signedBodyOf(head, buf, route.tokens);
      if (md5 === null) return "TOKEN_REQUIRED";
      if (md5 !== "") this.bodyMd5 = md5;
    }
    if (route.group !== null) {
      const { group } = route;
      group.follow();
      this.isThroughGroup = true;
      const forced = findField(head, FIELD.X_SLUICE_MEMBER);
      if (forced !== -1) this.admitted = this.#forcedMember(group, head, buf, forced);
      else if (group.sticky === null) this.admitted = group.pick();
      else this.admitted = group.pickFor(this.keys.read(group.sticky, head, buf));
      if (this.admitted === null) return forced === -1 ? "NO_READY_INSTANCE" : "ROUTE_NOT_FOUND";
      this.admitted.follow();
    }
    return this.admitted!.instances.length === 0 ? "NO_READY_INSTANCE" : null;
  }

  /** `X-Sluice-Member`: the group's token, which alone opens its address, may choose any of its services. */
  #forcedMember(group: Group, head: MessageHead, buf: Buffer, field: number): Service | null {
    const slot = field * FIELD_STRIDE;
    const name = buf.toString("latin1", head.fields[slot + 2]!, head.fields[slot + 3]!);
    return this.index.get(`${group.name}.${name}`)?.service ?? null;
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
    finish(this.applying(table));
  }

  /** Puts a checked change in force, whole. Costs what is changed. */
  change(change: Omit<RouteChange, "base">): void {
    finish(this.changing(change));
  }

  /** `apply` in steps. Nothing else may be put in force before its end. */
  *applying(table: RouteTable): Steps<void> {
    const services = yield* namesOf(table.services);
    const groups = yield* namesOf(table.groups);
    const change = {
      ...table,
      goneServices: [...this.serviceRoutes.keys()].filter((name) => !services.has(name)),
      goneGroups: [...this.groupRoutes.keys()].filter((name) => !groups.has(name)),
    };
    yield* this.#switch(change, table.workerCount ?? 1);
  }

  /** `change` in steps. Nothing else may be put in force before its end. */
  changing(change: Omit<RouteChange, "base">): Steps<void> {
    return this.#switch(change, this.#workerCount);
  }

  /**
   * Everything is made ready beside what is in force. Then one assignment switches: from there on each request sees the new table, as the
   * services and groups that it meets follow. The rest is book-keeping about what went and what came; it is over with the new number.
   */
  *#switch(change: Omit<RouteChange, "base">, workerCount: number): Steps<void> {
    const at: TableSwitch = { isMade: false };
    const index = this.index.copy();
    const affected = yield* this.#prepareServices(
      change,
      { index: this.workerIndex, count: workerCount },
      at,
    );
    for (const { route } of affected) {
      if (route === null) continue;
      index.remove(route.name);
      if (route.group !== null) index.remove(`${route.group}.${route.name}`);
      yield;
    }
    for (const name of change.goneGroups) index.remove(name);
    const groups = yield* this.#prepareGroups(change, affected, index, at);
    yield* this.#indexServices(change, affected, index);

    this.index = index;
    at.isMade = true;

    yield;
    yield* this.#settleServices(affected);
    for (const name of change.goneGroups) {
      this.groupRoutes.delete(name);
      this.#groups.delete(name);
    }
    for (const [route, group] of groups) {
      group.follow();
      this.#groups.set(route.name, group);
      this.groupRoutes.set(route.name, route);
      yield;
    }
    this.#workerCount = workerCount;
    this.number = change.number;
  }

  *#prepareServices(
    change: Omit<RouteChange, "base">,
    share: WorkerShare,
    at: TableSwitch,
  ): Steps<readonly Affected[]> {
    const named = new Map<InstanceId, Instance>();
    const affected: Affected[] = [];
    const add = (name: ServiceName, next: ServiceRoute | null) => {
      const service = this.#services.get(name) ?? new Service(name, this.#chance);
      const route = this.serviceRoutes.get(name) ?? null;
      affected.push({ service, route, next, before: service.instances, instances: [] });
    };
    for (const name of change.goneServices) add(name, null);
    for (const route of change.services) add(route.name, route);
    yield;
    for (const { before } of affected) {
      for (const [i, instance] of before.entries()) {
        named.set(instance.id, instance);
        if (i % INSTANCES_A_STEP === 0) yield;
      }
    }
    for (const { service, next, instances } of affected) {
      for (const { id, address } of next?.instances ?? []) {
        const known =
          named.get(id) ??
          [...(this.#lingering.get(id) ?? [])].find((i) => isSameAddress(i.address, address));
        const isKept = known !== undefined && isSameAddress(known.address, address);
        if (instances.push(isKept ? known : new Instance(id, address)) % INSTANCES_A_STEP === 0) yield;
      }
      service.prepare({ route: next, instances, share }, at);
      yield;
    }
    return affected;
  }

  *#prepareGroups(
    { groups }: Pick<RouteChange, "groups">,
    affected: readonly Affected[],
    index: RouteIndex,
    at: TableSwitch,
  ): Steps<readonly (readonly [GroupRoute, Group])[]> {
    const fresh = new Map<string, Service>();
    for (const { service, route } of affected) if (route === null) fresh.set(service.name, service);
    yield;
    const prepared: (readonly [GroupRoute, Group])[] = [];
    for (const route of groups) {
      const group = this.#groups.get(route.name) ?? new Group(route.name);
      yield* group.prepare(route, (name) => this.#services.get(name) ?? fresh.get(name)!, at);
      index.put({ name: route.name, tokens: asBytes(route.tokens), service: null, group });
      prepared.push([route, group]);
      yield;
    }
    return prepared;
  }

  *#indexServices(
    change: Omit<RouteChange, "base">,
    affected: readonly Affected[],
    index: RouteIndex,
  ): Steps<void> {
    const groups = new Map<string, GroupRoute>(change.groups.map((g) => [g.name, g]));
    const add = ({ name, group, tokens }: ServiceRoute, service: Service) => {
      const own = asBytes(tokens);
      const ofGroup = group === null ? undefined : (groups.get(group) ?? this.groupRoutes.get(group));
      own.push(...asBytes(ofGroup?.tokens ?? []).filter((token) => !own.some((o) => o.equals(token))));
      index.put({ name, tokens: own, service, group: null });
      if (group !== null) index.put({ name: `${group}.${name}`, tokens: own, service, group: null });
    };
    yield;
    for (const { next, service } of affected) {
      if (next !== null) add(next, service);
      yield;
    }
    if (groups.size === 0) return;
    // A group's token opens its members: they follow when it changes.
    const done = new Set(affected.map(({ service }) => service.name));
    for (const route of this.serviceRoutes.values()) {
      yield;
      if (route.group === null || !groups.has(route.group) || done.has(route.name)) continue;
      add(route, this.#services.get(route.name)!);
    }
  }

  *#settleServices(affected: readonly Affected[]): Steps<void> {
    const kept = new Set<Instance>();
    for (const { service, before, instances, next } of affected) {
      service.follow();
      const stay = new Set(instances);
      for (const [i, instance] of before.entries()) {
        if (!stay.has(instance)) service.leaving.add(instance);
        this.owners.delete(instance.id);
        if (i % INSTANCES_A_STEP === 0) yield;
      }
      if (next !== null) continue;
      this.#leaving.add(service);
      this.#services.delete(service.name);
      this.serviceRoutes.delete(service.name);
    }
    for (const { service, instances, next } of affected) {
      if (next === null) continue;
      this.#services.set(next.name, service);
      this.serviceRoutes.set(next.name, next);
      for (const [i, instance] of instances.entries()) {
        kept.add(instance);
        service.leaving.delete(instance);
        instance.isNamed = true;
        this.#forget(instance);
        this.owners.set(instance.id, next.name);
        if (i % INSTANCES_A_STEP === 0) yield;
      }
    }
    for (const { before } of affected) {
      for (const instance of before) {
        if (!kept.has(instance)) this.#remove(instance);
        yield;
      }
    }
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

function* namesOf(items: readonly { readonly name: string }[]): Steps<ReadonlySet<string>> {
  const names = new Set<string>();
  for (const { name } of items) {
    names.add(name);
    yield;
  }
  return names;
}

const asBytes = (tokens: readonly string[]) => tokens.map((t): Buffer => Buffer.from(t, "latin1"));
