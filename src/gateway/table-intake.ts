import { TABLE_BYTES_MAX, TABLE_SLICE_MS } from "./limits.ts";
import type { Mirrors } from "./mirrors.ts";
import type { Routing } from "./routing.ts";
import { Slices, type Steps } from "./slices.ts";
import { checkingChange, checkingTable, type Draft, drafting, told } from "./table-check.ts";
import { TableParts } from "./table-parts.ts";

/** Who takes tables in. */
export interface TableHost {
  readonly clock: { monotonic(): number };
  readonly routing: Routing;
  /** A table is in force, all of it. */
  acknowledge(): void;
  /** One was refused; the one before stays in force. */
  refuse(tableNumber: number, reason: string): void;
  /** The next command may come. */
  ready(): void;
}

/**
 * Takes in route tables and changes: checks them, makes them ready, puts them in force, and answers. No turn of the loop is stopped
 * for longer than a slice of that, however large the table is. One at a time: until `ready`, nothing more may be handed in.
 */
export class TableIntake {
  readonly #host: TableHost;
  readonly #mirrors: Pick<Mirrors, "applying">;
  readonly #slices: Slices;
  /** What has begun to come in parts, by the connection on which it comes. */
  readonly #begun = new Map<object, TableParts>();
  #isClosed = false;

  constructor(host: TableHost, mirrors: Pick<Mirrors, "applying">) {
    this.#host = host;
    this.#mirrors = mirrors;
    this.#slices = new Slices(() => host.clock.monotonic(), TABLE_SLICE_MS);
  }

  get isBusy(): boolean {
    return this.#slices.isBusy;
  }

  /** A command of `bytes` that came on `link`. False: it is not about tables. */
  take(command: unknown, link: object, bytes: number): boolean {
    const { type, table, change, part } = (command ?? {}) as Readonly<Record<string, unknown>>;
    switch (type) {
      case "table":
        this.#abandon(link);
        this.#start(numberOf(table), "table", drafting(table, "table", this.#host.routing));
        return true;
      case "change":
        this.#abandon(link);
        this.#start(numberOf(change), "change", drafting(change, "change", this.#host.routing));
        return true;
      case "begin":
        this.#abandon(link);
        this.#begun.set(link, new TableParts(command, TABLE_BYTES_MAX, this.#host.routing));
        return true;
      case "part":
        this.#begun.get(link)?.add(part, bytes);
        return true;
      case "end":
        this.#end(link);
        return true;
      default:
        return false;
    }
  }

  /** A connection is gone, and with it what had not come to its end. */
  forget(link: object): void {
    this.#begun.delete(link);
  }

  /** Brings what is under way to its end, without an answer. */
  close(): void {
    this.#isClosed = true;
    this.#slices.finish();
  }

  /** Something else came before the end of what had begun. */
  #abandon(link: object): void {
    const parts = this.#begun.get(link);
    if (parts === undefined) return;
    this.#begun.delete(link);
    this.#host.refuse(parts.number, "another one came before its end");
  }

  #end(link: object): void {
    const parts = this.#begun.get(link);
    if (parts === undefined) return;
    this.#begun.delete(link);
    const { problem, number, of } = parts;
    if (problem !== null) this.#host.refuse(number, problem);
    else this.#start(number, of, given(parts.draft));
  }

  #start(number: number, of: "table" | "change", draft: Steps<Draft>): void {
    const steps = told(() => (of === "table" ? this.#table(draft) : this.#change(draft)));
    this.#slices.start(steps, (reason) => {
      if (this.#isClosed) return;
      if (reason === undefined) this.#host.acknowledge();
      else this.#host.refuse(number, reason);
      this.#host.ready();
    });
  }

  *#table(draft: Steps<Draft>): Steps<undefined> {
    const { routing } = this.#host;
    yield* routing.applying(yield* checkingTable(yield* draft, routing));
    yield* this.#mirrors.applying(routing);
  }

  *#change(draft: Steps<Draft>): Steps<undefined> {
    const { routing } = this.#host;
    yield* routing.changing(yield* checkingChange(yield* draft, routing));
    yield* this.#mirrors.applying(routing);
  }
}

// biome-ignore lint/correctness/useYield: nothing is left to do for what is there
function* given<T>(value: T): Steps<T> {
  return value;
}

/** The number of what may be a table; 0: it has none. */
function numberOf(value: unknown): number {
  const number = Number((value as { number?: unknown } | null)?.number);
  return Number.isSafeInteger(number) ? number : 0;
}
