import type { GroupName, ServiceName } from "../names.ts";
import type {
  GroupRoute,
  InstanceRoute,
  RouteChange,
  RouteTable,
  ServiceRoute,
  WeightedMember,
} from "./route-table.ts";

/**
 * A part of a table, or of a change, that is too large to be taken in at once. Put together in order, the parts give the lists of the whole.
 * A service or group with many instances or members goes over several parts.
 */
export interface TablePart {
  readonly goneServices?: readonly ServiceName[];
  readonly goneGroups?: readonly GroupName[];
  /** Further members of the last group of the parts before. */
  readonly members?: readonly WeightedMember[];
  readonly groups?: readonly GroupRoute[];
  /** Further instances of the last service of the parts before. */
  readonly instances?: readonly InstanceRoute[];
  readonly services?: readonly ServiceRoute[];
}

/**
 * Items in one part: an instance is one, as is a member or a name; a service or group counts for {@link OWNER_ITEMS} beside them. An instance is some
 * 150 bytes of JSON, so that a part is about 10 KB, which are parsed in some 0.1 ms.
 */
export const PART_ITEMS_MAX = 64;
const OWNER_ITEMS = 4;

/** Cuts a table into parts of at most so many items, above {@link OWNER_ITEMS}; one part: it is small. */
export function partsOfTable(
  { services, groups }: Pick<RouteTable, "services" | "groups">,
  itemsMax: number,
): TablePart[] {
  return partsOfChange({ services, groups, goneServices: [], goneGroups: [] }, itemsMax);
}

type Lists = { -readonly [K in keyof TablePart]-?: NonNullable<TablePart[K]>[number][] };

/** Fills one part after the other. */
class Cutter {
  readonly parts: TablePart[] = [];
  readonly #itemsMax: number;
  #part: Partial<Lists> = {};
  #items = 0;

  constructor(itemsMax: number) {
    this.#itemsMax = itemsMax;
  }

  /** Room for so many more items; a new part begins when there is none. */
  #room(items: number): void {
    if (this.#items > 0 && this.#items + items > this.#itemsMax) this.end();
    this.#items += items;
  }

  put<K extends keyof Lists>(list: K, item: Lists[K][number], items = 1): void {
    this.#room(items);
    const known = (this.#part[list] ?? []) as Lists[K][number][];
    known.push(item);
    this.#part = { ...this.#part, [list]: known };
  }

  end(): void {
    this.parts.push(this.#part);
    this.#part = {};
    this.#items = 0;
  }
}

/** The same for a change. */
export function partsOfChange(of: Omit<RouteChange, "base" | "number">, itemsMax: number): TablePart[] {
  const cutter = new Cutter(itemsMax);
  for (const name of of.goneServices) cutter.put("goneServices", name);
  for (const name of of.goneGroups) cutter.put("goneGroups", name);
  const firstMax = itemsMax - OWNER_ITEMS;
  for (const group of of.groups) {
    const members = group.members.slice(0, firstMax);
    cutter.put("groups", { ...group, members }, OWNER_ITEMS + members.length);
    for (const member of group.members.slice(firstMax)) cutter.put("members", member);
  }
  for (const service of of.services) {
    const instances = service.instances.slice(0, firstMax);
    cutter.put("services", { ...service, instances }, OWNER_ITEMS + instances.length);
    for (const instance of service.instances.slice(firstMax)) cutter.put("instances", instance);
  }
  cutter.end();
  return cutter.parts;
}
