import { isSame } from "../spec/json-value.ts";
import type { Json } from "../spec/service-spec.ts";
import type { RouteChange, RouteTable } from "./route-table.ts";

/** What turns `from` into `to`. Items that are the very same in both are not looked into (withKept in table.ts). */
export function routeChange(from: RouteTable, to: RouteTable): RouteChange {
  const services = difference(from.services, to.services);
  const groups = difference(from.groups, to.groups);
  return {
    base: from.number,
    number: to.number,
    services: services.put,
    goneServices: services.gone,
    groups: groups.put,
    goneGroups: groups.gone,
  };
}

/** The table that a change makes of its base. Sorted by name, as `buildRouteTable` sorts. */
export function withRouteChange(table: RouteTable, change: RouteChange): RouteTable {
  return {
    ...table,
    number: change.number,
    services: changed(table.services, change.services, change.goneServices),
    groups: changed(table.groups, change.groups, change.goneGroups),
  };
}

interface Named {
  readonly name: string;
}

function difference<T extends Named>(from: readonly T[], to: readonly T[]) {
  const before = new Map<string, T>(from.map((item) => [item.name, item]));
  const names = new Set<string>(to.map((item) => item.name));
  return {
    put: to.filter((item) => {
      const old = before.get(item.name);
      return old === undefined || !isSame(old as unknown as Json, item as unknown as Json);
    }),
    gone: from.filter((item) => !names.has(item.name)).map((item) => item.name as T["name"]),
  };
}

function changed<T extends Named>(items: readonly T[], put: readonly T[], gone: readonly string[]): T[] {
  const byName = new Map(items.map((item) => [item.name, item]));
  for (const name of gone) byName.delete(name);
  for (const item of put) byName.set(item.name, item);
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}
