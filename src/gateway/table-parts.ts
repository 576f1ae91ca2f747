import type { TablePart } from "../core/traffic/table-parts.ts";

type Fields = Readonly<Record<string, unknown>>;

const LISTS = ["goneServices", "goneGroups", "members", "groups", "instances", "services"] as const;

/** Puts a table, or a change of one, together from its parts (core/traffic/table-parts.ts). Checks only that they can be put together. */
export class TableParts {
  readonly of: "table" | "change";
  /** 0: it has none. */
  readonly number: number;
  /** Why it cannot be a table: the first reason found. The rest of the parts is not kept then. */
  problem: string | null = null;
  readonly #lists = {
    goneServices: [] as unknown[],
    goneGroups: [] as unknown[],
    groups: [] as unknown[],
    services: [] as unknown[],
  };
  readonly #begin: Fields;
  #bytesLeft: number;
  #count = 0;

  /** `begin` is the command before the parts, which may have `bytesMax` in all. */
  constructor(begin: unknown, bytesMax: number) {
    this.#begin = begin as Fields;
    this.#bytesLeft = bytesMax;
    this.of = this.#begin.of === "change" ? "change" : "table";
    this.number = Number.isSafeInteger(this.#begin.number) ? (this.#begin.number as number) : 0;
    if (this.#begin.of !== this.of) this.problem = "begin: must be of a table or a change";
  }

  /** The next part, which came as so many bytes. */
  add(part: unknown, bytes: number): void {
    this.#bytesLeft -= bytes;
    if (this.#bytesLeft < 0) this.problem ??= "has more bytes than a table may have";
    this.problem ??= this.#problemOf(part);
    if (this.problem !== null) return;
    const { goneServices, goneGroups, groups, services } = this.#lists;
    const lists = part as TablePart;
    goneServices.push(...(lists.goneServices ?? []));
    goneGroups.push(...(lists.goneGroups ?? []));
    listOfLast(groups, "members")?.push(...(lists.members ?? []));
    groups.push(...(lists.groups ?? []));
    listOfLast(services, "instances")?.push(...(lists.instances ?? []));
    services.push(...(lists.services ?? []));
    this.#count++;
  }

  #problemOf(part: unknown): string | null {
    const where = `parts[${this.#count}]`;
    if (typeof part !== "object" || part === null) return `${where}: must be an object`;
    for (const list of LISTS) {
      const value = (part as Fields)[list];
      if (value !== undefined && !Array.isArray(value)) return `${where}.${list}: must be a list`;
    }
    const { members, instances } = part as Fields;
    const { groups, services } = this.#lists;
    if (members !== undefined && listOfLast(groups, "members") === null)
      return `${where}.members: no group is before`;
    if (instances !== undefined && listOfLast(services, "instances") === null)
      return `${where}.instances: no service is before`;
    return null;
  }

  /** All of it, as it would have come in one piece; not checked. */
  get whole(): unknown {
    const { number, base, workerCount } = this.#begin;
    const { groups, services } = this.#lists;
    if (this.of === "change") return { base, number, ...this.#lists };
    return { number, services, groups, ...(workerCount === undefined ? {} : { workerCount }) };
  }
}

/** The list that further items go on with; null when there is none. */
function listOfLast(owners: readonly unknown[], name: "members" | "instances"): unknown[] | null {
  const list = (owners.at(-1) as Fields | null | undefined)?.[name];
  return Array.isArray(list) ? list : null;
}
