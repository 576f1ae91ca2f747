import type { GroupRoute, ServiceRoute } from "../core/traffic/route-table.ts";
import { InstanceList } from "./instance-list.ts";

/** What a table says of a service, as a worker keeps it. */
export interface ServiceEntry extends Omit<ServiceRoute, "instances"> {
  readonly instances: InstanceList;
}

/** A table whose services are as a worker keeps them. */
export interface CheckedTable {
  readonly number: number;
  readonly workerCount: number;
  readonly services: readonly ServiceEntry[];
  readonly groups: readonly GroupRoute[];
}

/** An entry of a good route. */
export function entryOf(route: ServiceRoute): ServiceEntry {
  return { ...route, instances: InstanceList.of(route.instances) };
}

/** The route that an entry was made of. */
export function routeOf(entry: ServiceEntry): ServiceRoute {
  return { ...entry, instances: entry.instances.routes };
}

/** `known` itself when it says the same, or as much of it as does: what comes again and again must not be kept again and again. */
export function settled(known: ServiceEntry | undefined, entry: ServiceEntry): ServiceEntry {
  if (known === undefined || !isSameButInstances(known, entry)) return entry;
  return known.instances.equals(entry.instances) ? known : { ...known, instances: entry.instances };
}

function isSameButInstances(a: ServiceEntry, b: ServiceEntry): boolean {
  return (
    a.name === b.name &&
    a.group === b.group &&
    a.keepaliveMs === b.keepaliveMs &&
    a.isBodyChecked === b.isBodyChecked &&
    a.protocol === b.protocol &&
    isSameTokens(a.tokens, b.tokens) &&
    isSameValue(a.policy, b.policy) &&
    isSameValue(a.mirror, b.mirror)
  );
}

/** The same texts in the same order. */
export function isSameTokens(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((token, i) => token === b[i]);
}

export function isSameGroup(a: GroupRoute | undefined, b: GroupRoute): boolean {
  return a !== undefined && isSameValue(a, b);
}

/** Of values of JSON, written in the same order. */
function isSameValue(a: object | undefined, b: object | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return JSON.stringify(a) === JSON.stringify(b);
}
