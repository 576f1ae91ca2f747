import type { GroupName, InstanceId, ServiceName } from "../names.ts";
import type { DesiredState, GroupRecord, ServiceRecord, ServiceStatus, TokenHolder } from "../service.ts";
import { isSame } from "../spec/json-value.ts";
import type { Json } from "../spec/service-spec.ts";
import { allocate, type Share } from "./allocate.ts";
import type { MirrorRule } from "./mirror.ts";
import type { GatewayPolicy } from "./policy.ts";
import type { GroupRoute, InstancePlace, RouteTable, ServiceRoute } from "./route-table.ts";

export interface TableInput {
  readonly state: DesiredState;
  readonly statuses: ReadonlyMap<ServiceName, ServiceStatus>;
  /** Where ready instances listen; one that is not in it gets no route, whatever a status says. */
  readonly places: Pick<ReadonlyMap<InstanceId, InstancePlace>, "get">;
  /** `metadata.rpc.keepalive` of a service in ms. */
  readonly keepaliveMs: (record: ServiceRecord) => number;
  /** `networking.gateway_policy` of a service; null: none. */
  readonly policy?: (record: ServiceRecord) => GatewayPolicy | null;
  /** What the instances of a service speak. */
  readonly protocol?: (record: ServiceRecord) => "http" | "grpc" | "both";
  /** Gateway workers that are wanted. */
  readonly workerCount?: number;
  /** `networking.gateway_policy.body_digest` of a service. */
  readonly isBodyChecked: (record: ServiceRecord) => boolean;
}

/**
 * The route table for what is so. A deleted service has no route (404); a stopped one, or one with nobody
 * ready, has a route without instances (503). Sorted by name, so that the same world gives the same table.
 */
export function buildRouteTable(input: TableInput, number: number): RouteTable {
  const { state } = input;
  const records = lasting(state);
  const members = membersOf(records);
  const services = records.map((record) => serviceRoute(record, input));
  const counts = new Map(services.map((s) => [s.name, s.instances.length]));
  const groups = [...state.groups.values()]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((group) => groupRoute(group, members.get(group.name) ?? [], (name) => counts.get(name) ?? 0));
  const { workerCount } = input;
  return { number, services, groups, ...(workerCount === undefined ? {} : { workerCount }) };
}

/** Shares of all groups as people see them, by instances that serve according to the statuses. */
export function sharesOf(
  state: DesiredState,
  statuses: ReadonlyMap<ServiceName, ServiceStatus>,
): Map<GroupName, readonly Share[]> {
  const count = (name: ServiceName) => statuses.get(name)?.serving.length ?? 0;
  const members = membersOf(lasting(state));
  return new Map(
    [...state.groups.values()].map((g) => [g.name, groupShares(g, members.get(g.name) ?? [], count)]),
  );
}

/** True when both route every request alike; numbers do not count. Cheap for items that are the very same, see {@link withKept}. */
export function sameRoutes(a: RouteTable, b: RouteTable): boolean {
  return isSame({ ...a, number: 0 } as unknown as Json, { ...b, number: 0 } as unknown as Json);
}

/** The same table with every item of `before` that is as it was: what two tables have in common is then found without a look inside. */
export function withKept(table: RouteTable, before: RouteTable | null): RouteTable {
  if (before === null) return table;
  return {
    ...table,
    services: kept(table.services, before.services),
    groups: kept(table.groups, before.groups),
  };
}

function kept<T extends { readonly name: string }>(items: readonly T[], before: readonly T[]): T[] {
  const known = new Map(before.map((item) => [item.name, item]));
  return items.map((item) => {
    const old = known.get(item.name);
    return old !== undefined && isSame(old as unknown as Json, item as unknown as Json) ? old : item;
  });
}

/** Every instance that a table may send a request to. */
export function instancesOf(table: RouteTable): Set<InstanceId> {
  const ids = new Set<InstanceId>();
  for (const { instances } of table.services) for (const { id } of instances) ids.add(id);
  return ids;
}

/** Every token that opens a service: its own, and those of its group, which open the group and its members (design §6). */
export function openersOf(record: ServiceRecord, group: GroupRecord | undefined): string[] {
  return group === undefined ? tokensOf(record) : [...tokensOf(record), ...tokensOf(group)];
}

/** Every token that opens a group's address. */
export const groupOpenersOf = (group: GroupRecord): string[] => tokensOf(group);

/** The newest first. */
const tokensOf = ({ token, olderTokens }: TokenHolder) => [token, ...olderTokens.map((older) => older.token)];

function lasting(state: DesiredState): ServiceRecord[] {
  return [...state.services.values()]
    .filter((s) => s.desired !== "deleted")
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function serviceRoute(record: ServiceRecord, input: TableInput): ServiceRoute {
  const { state, statuses, places, keepaliveMs, isBodyChecked } = input;
  const group = record.group === null ? undefined : state.groups.get(record.group);
  const policy = input.policy?.(record) ?? null;
  const protocol = input.protocol?.(record) ?? "http";
  const serving = record.desired === "running" ? (statuses.get(record.name)?.serving ?? []) : [];
  return {
    name: record.name,
    group: record.group,
    tokens: openersOf(record, group),
    instances: serving
      .flatMap((id) => {
        const place = places.get(id);
        return place === undefined ? [] : [{ id, ...place }];
      })
      .sort((a, b) => (a.id < b.id ? -1 : 1)),
    keepaliveMs: keepaliveMs(record),
    ...(policy === null ? {} : { policy }),
    isBodyChecked: isBodyChecked(record),
    ...(protocol === "http" ? {} : { protocol }),
    ...mirrorOf(record, state),
  };
}

/** The mirror as gateways need it: a ratio of 0, and targets that are going, are as good as none. */
function mirrorOf({ mirror }: ServiceRecord, state: DesiredState): { readonly mirror?: MirrorRule } {
  const isThere = (name: ServiceName) => (state.services.get(name)?.desired ?? "deleted") !== "deleted";
  const targets = mirror?.targets.filter(isThere) ?? [];
  return mirror && mirror.ratio > 0 && targets.length > 0 ? { mirror: { ...mirror, targets } } : {};
}

/** In the order of the records. */
function membersOf(records: readonly ServiceRecord[]): Map<GroupName | null, ServiceRecord[]> {
  return Map.groupBy(records, (record) => record.group);
}

function groupRoute(
  group: GroupRecord,
  records: readonly ServiceRecord[],
  readyCount: (name: ServiceName) => number,
): GroupRoute {
  const members = groupShares(group, records, readyCount).map((s) => ({ service: s.name, weight: s.weight }));
  const sticky = group.sticky ?? null;
  return { name: group.name, tokens: tokensOf(group), members, ...(sticky === null ? {} : { sticky }) };
}

/** `records`: its members. */
function groupShares(
  group: GroupRecord,
  records: readonly ServiceRecord[],
  readyCount: (name: ServiceName) => number,
): Share[] {
  const members = records.map((s) => ({
    name: s.name,
    trafficState: s.trafficState,
    readyCount: readyCount(s.name),
    weight: s.weight ?? 0,
  }));
  return allocate(members, group.mode);
}
