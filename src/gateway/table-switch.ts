/**
 * Puts a table, or a change of one, in force. Everything is made ready beside what is in force: a second index, and for each service and
 * group what the table says of it. Then one assignment switches: from there on each request sees the new table, as the services and
 * groups that it meets follow. The rest is book-keeping about what went and what came. All of it is done in steps.
 */
import type { GroupName, InstanceId, ServiceName } from "../core/names.ts";
import type { WorkerShare } from "../core/traffic/policy.ts";
import type { GroupRoute } from "../core/traffic/route-table.ts";
import { Group } from "./group.ts";
import type { IdCounts } from "./id-counts.ts";
import { Instance, isSameAddress } from "./instance.ts";
import { eachId } from "./instance-list.ts";
import type { Lingering } from "./lingering.ts";
import type { RouteIndex } from "./route-index.ts";
import { Service, type ServiceHost, type TableSwitch } from "./service.ts";
import { isSameTokens, type ServiceEntry } from "./service-entry.ts";
import type { Steps } from "./slices.ts";
import type { CheckedChange } from "./table-check.ts";

/** Instances of one service handled before the work may be put aside. */
const INSTANCES_A_STEP = 32;

/** Instances of a service that its first request may wait for to be made: some 20 µs. More are made by steps, before the switch. */
const INSTANCES_LATE_MAX = 64;

/** What a worker holds of the table in force, and what lives on from table to table. */
export interface InForce {
  index: RouteIndex;
  readonly services: Map<string, Service>;
  readonly groups: Map<string, Group>;
  readonly serviceRoutes: Map<ServiceName, ServiceEntry>;
  readonly groupRoutes: Map<GroupName, GroupRoute>;
  /** Of the instances of all services. */
  readonly ids: IdCounts;
  /** Services no longer named, but with something that was not reported yet. */
  readonly leaving: Set<Service>;
  readonly lingering: Lingering;
}

/** What is to be different. */
export type Changes = Omit<CheckedChange, "base" | "number">;

/** A service that a change names, as it was and as it is to be. */
interface Affected {
  readonly service: Service;
  /** Null: new. */
  readonly route: ServiceEntry | null;
  /** Null: gone. */
  readonly next: ServiceEntry | null;
  /** The same addresses and tokens lead to it. */
  readonly keepsRoutes: boolean;
  /** Those that are to be; null: they are made when they are asked for. */
  instances: Instance[] | null;
  /** Those that were asked for when the switch came. */
  former: readonly Instance[];
}

const NONE: readonly Instance[] = [];

/**
 * Puts a checked change in force. Nothing else may be put in force before its end. `share` is this worker's part of the limits; `chance`
 * is even in [0, 1).
 */
export function* switchTable(
  now: InForce,
  change: Changes,
  share: WorkerShare,
  chance: () => number,
): Steps<void> {
  const at: TableSwitch = { isMade: false };
  const affected = yield* affectedBy(now, change, chance);
  yield* prepareServices(now, affected, share, at);
  const index = now.index.copy();
  yield* removeRoutes(index, affected, change.goneGroups);
  const groups = yield* prepareGroups(now, change.groups, affected, index, at);
  yield* indexServices(now, change.groups, affected, index);

  now.index = index;
  at.isMade = true;

  yield;
  yield* letGo(now, affected);
  yield* takeOver(now, affected, at);
  yield* remove(now, affected, at);
  for (const name of change.goneGroups) {
    now.groupRoutes.delete(name);
    now.groups.delete(name);
  }
  for (const [route, group] of groups) {
    group.follow();
    now.groups.set(route.name, group);
    now.groupRoutes.set(route.name, route);
    yield;
  }
}

function* affectedBy(now: InForce, change: Changes, chance: () => number): Steps<readonly Affected[]> {
  const { services, serviceRoutes, lingering } = now;
  const host: ServiceHost = { chance, revive: (id, address) => lingering.revive(id, address) };
  const otherGroups = new Set<string>([...change.groups.map((g) => g.name), ...change.goneGroups]);
  const affected: Affected[] = [];
  const add = (name: ServiceName, next: ServiceEntry | null) => {
    const service = services.get(name) ?? new Service(name, host);
    const route = serviceRoutes.get(name) ?? null;
    const keepsRoutes =
      route !== null &&
      next !== null &&
      route.group === next.group &&
      isSameTokens(route.tokens, next.tokens) &&
      (next.group === null || !otherGroups.has(next.group));
    affected.push({ service, route, next, keepsRoutes, instances: null, former: NONE });
  };
  for (const name of change.goneServices) {
    add(name, null);
    yield;
  }
  for (const entry of change.services) {
    add(entry.name, entry);
    yield;
  }
  return affected;
}

/**
 * Finds or makes the instances of those that are in use, or have very many. One that moves from one of these to another, or is named again, stays
 * what it is.
 */
function* prepareServices(
  { lingering }: InForce,
  affected: readonly Affected[],
  share: WorkerShare,
  at: TableSwitch,
): Steps<void> {
  const named = new Map<InstanceId, Instance>();
  for (const { service } of affected) {
    yield;
    if (!service.made.some((instance) => instance.isInUse)) continue;
    for (const [i, instance] of service.made.entries()) {
      named.set(instance.id, instance);
      if (i % INSTANCES_A_STEP === 0) yield;
    }
  }
  for (const one of affected) {
    const { service, next } = one;
    if (next !== null && isMadeNow(service, next)) {
      const instances: Instance[] = [];
      one.instances = instances;
      for (const { id, address } of next.instances.routes) {
        const known = named.get(id) ?? lingering.find(id, address);
        const isKept = known !== undefined && isSameAddress(known.address, address);
        if (instances.push(isKept ? known : new Instance(id, address)) % INSTANCES_A_STEP === 0) yield;
      }
    }
    service.prepare({ route: next, instances: one.instances, share }, at);
    yield;
  }
}

function isMadeNow(service: Service, { instances }: ServiceEntry): boolean {
  return instances.count > INSTANCES_LATE_MAX || service.made.some((instance) => instance.isInUse);
}

function* removeRoutes(
  index: RouteIndex,
  affected: readonly Affected[],
  goneGroups: readonly GroupName[],
): Steps<void> {
  for (const { route, keepsRoutes } of affected) {
    yield;
    if (route === null || keepsRoutes) continue;
    index.remove(route.name);
    if (route.group !== null) index.remove(`${route.group}.${route.name}`);
  }
  for (const name of goneGroups) {
    index.remove(name);
    yield;
  }
}

function* prepareGroups(
  now: InForce,
  routes: readonly GroupRoute[],
  affected: readonly Affected[],
  index: RouteIndex,
  at: TableSwitch,
): Steps<readonly (readonly [GroupRoute, Group])[]> {
  const fresh = new Map<string, Service>();
  for (const { service, route } of affected) if (route === null) fresh.set(service.name, service);
  yield;
  const prepared: (readonly [GroupRoute, Group])[] = [];
  for (const route of routes) {
    const group = now.groups.get(route.name) ?? new Group(route.name);
    yield* group.prepare(route, (name) => now.services.get(name) ?? fresh.get(name)!, at);
    index.put({ name: route.name, tokens: asBytes(route.tokens), service: null, group });
    prepared.push([route, group]);
    yield;
  }
  return prepared;
}

function* indexServices(
  now: InForce,
  groupRoutes: readonly GroupRoute[],
  affected: readonly Affected[],
  index: RouteIndex,
): Steps<void> {
  const groups = new Map<string, GroupRoute>(groupRoutes.map((g) => [g.name, g]));
  const add = ({ name, group, tokens }: ServiceEntry, service: Service) => {
    const own = asBytes(tokens);
    const ofGroup = group === null ? undefined : (groups.get(group) ?? now.groupRoutes.get(group));
    own.push(...asBytes(ofGroup?.tokens ?? []).filter((token) => !own.some((o) => o.equals(token))));
    index.put({ name, tokens: own, service, group: null });
    if (group !== null) index.put({ name: `${group}.${name}`, tokens: own, service, group: null });
  };
  yield;
  for (const { next, service, keepsRoutes } of affected) {
    if (next !== null && !keepsRoutes) add(next, service);
    yield;
  }
  if (groups.size === 0) return;
  // A group's token opens its members: they follow when it changes.
  const done = new Set(affected.map(({ service }) => service.name));
  for (const route of now.serviceRoutes.values()) {
    yield;
    if (route.group === null || !groups.has(route.group) || done.has(route.name)) continue;
    add(route, now.services.get(route.name)!);
  }
}

/** The books about what was: before those about what is, as an instance may have moved from one service to another. */
function* letGo(now: InForce, affected: readonly Affected[]): Steps<void> {
  for (const one of affected) {
    const { service, route, instances, next } = one;
    service.follow();
    one.former = service.takeFormer();
    const stay = new Set(instances ?? NONE);
    for (const [i, instance] of one.former.entries()) {
      if (!stay.has(instance)) instance.leave(service.leaving);
      if (i % INSTANCES_A_STEP === 0) yield;
    }
    if (route !== null) yield* eachId(route.instances, (id) => now.ids.delete(id));
    yield;
    if (next !== null) continue;
    now.leaving.add(service);
    now.services.delete(service.name);
    now.serviceRoutes.delete(service.name);
  }
}

function* takeOver(now: InForce, affected: readonly Affected[], at: TableSwitch): Steps<void> {
  for (const { service, instances, next } of affected) {
    if (next === null) continue;
    now.services.set(next.name, service);
    now.serviceRoutes.set(next.name, next);
    let isComingBack = false;
    yield* eachId(next.instances, (id) => {
      now.ids.add(id);
      isComingBack ||= now.lingering.has(id);
    });
    // It goes on as what it is, rather than beside another with its name.
    if (isComingBack) void service.instances;
    for (const [i, instance] of (instances ?? NONE).entries()) {
      instance.namedAt = at;
      instance.comeBack();
      now.lingering.delete(instance);
      if (i % INSTANCES_A_STEP === 0) yield;
    }
    yield;
  }
}

function* remove(now: InForce, affected: readonly Affected[], at: TableSwitch): Steps<void> {
  for (const { former } of affected) {
    for (const instance of former) {
      yield;
      if (instance.namedAt === at) continue;
      instance.isNamed = false;
      instance.closeIdle();
      if (instance.inFlight > 0) now.lingering.add(instance);
    }
  }
}

const asBytes = (tokens: readonly string[]) => tokens.map((t): Buffer => Buffer.from(t, "latin1"));
