import type { TablePart } from "../core/traffic/table-parts.ts";
import { ServiceDrafts } from "./service-drafts.ts";
import { finish } from "./slices.ts";
import type { Draft, TableInForce } from "./table-check.ts";
import { type Fields, fieldsOf, listOf, must, TableProblem } from "./table-fields.ts";

const LISTS = ["goneServices", "goneGroups", "members", "groups", "instances", "services"] as const;

/**
 * Takes in a table, or a change of one, by its parts (core/traffic/table-parts.ts). Services are checked as they come and kept as a worker
 * keeps them, so that nothing else of a part is there any more when the next one comes; the rest is checked when all has come.
 */
export class TableParts {
  readonly of: "table" | "change";
  /** 0: it has none. */
  readonly number: number;
  /** Why it cannot be a table: the first reason found. The rest of the parts is not kept then. */
  problem: string | null = null;
  readonly #services: ServiceDrafts;
  readonly #lists = { goneServices: [] as unknown[], goneGroups: [] as unknown[], groups: [] as unknown[] };
  readonly #begin: Fields;
  #bytesLeft: number;
  #count = 0;

  /** `begin` is the command before the parts, which may have `bytesMax` in all. */
  constructor(begin: unknown, bytesMax: number, now: Pick<TableInForce, "serviceRoutes">) {
    this.#begin = begin as Fields;
    this.#bytesLeft = bytesMax;
    this.#services = new ServiceDrafts(now.serviceRoutes);
    this.of = this.#begin.of === "change" ? "change" : "table";
    this.number = Number.isSafeInteger(this.#begin.number) ? (this.#begin.number as number) : 0;
    if (this.#begin.of !== this.of) this.problem = "begin: must be of a table or a change";
  }

  /** The next part, which came as so many bytes. */
  add(part: unknown, bytes: number): void {
    this.#bytesLeft -= bytes;
    if (this.#bytesLeft < 0) this.problem ??= "has more bytes than a table may have";
    if (this.problem !== null) return;
    try {
      this.#add(part);
    } catch (error) {
      if (!(error instanceof TableProblem)) throw error;
      this.problem = error.message;
    }
    this.#count++;
  }

  #add(part: unknown): void {
    const where = `parts[${this.#count}]`;
    const fields = fieldsOf(part, where);
    for (const list of LISTS) if (fields[list] !== undefined) listOf(fields[list], `${where}.${list}`);
    const lists = part as { readonly [K in keyof TablePart]?: readonly unknown[] };
    const { goneServices, goneGroups, groups } = this.#lists;
    addAll(goneServices, lists.goneServices);
    addAll(goneGroups, lists.goneGroups);
    if (lists.members !== undefined) {
      const { members } = (groups.at(-1) ?? {}) as Fields;
      must(Array.isArray(members), `${where}.members`, "no group is before");
      addAll(members, lists.members);
    }
    addAll(groups, lists.groups);
    const services = this.#services;
    if (lists.instances !== undefined) {
      must(services.entries.length > 0, `${where}.instances`, "no service is before");
      finish(services.addInstances(lists.instances));
    }
    for (const service of lists.services ?? []) finish(services.add(service));
  }

  /** All of it. */
  get draft(): Draft {
    const { number, base, workerCount } = this.#begin;
    return { services: this.#services, fields: { number, base, workerCount, ...this.#lists } };
  }
}

/** Behind what is there. One by one: as arguments of one call, very many would end the process. */
function addAll(list: unknown[], more: readonly unknown[] = []): void {
  for (const one of more) list.push(one);
}
