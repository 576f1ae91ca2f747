import { join } from "node:path";
import { until } from "../../test/harness/until.ts";
import type { Stage } from "../harness/stage.ts";
import type { LedgerOptions } from "../load/ledger.ts";
import { type Entry, isGood } from "../load/ledger-entry.ts";
import { startLoad, type Talk } from "../load/talk.ts";

/** Every request of a run as the load tells it, and who answered first and last by service and version. */
export class LedgerBook {
  readonly entries: Entry[] = [];
  readonly #talk: Talk;
  readonly #read: Promise<void>;
  readonly #first = new Map<string, Entry>();
  readonly #last = new Map<string, Entry>();

  constructor(stage: Stage, options: LedgerOptions) {
    this.#talk = startLoad(stage, join(import.meta.dirname, "..", "load", "ledger.ts"), options);
    this.#read = this.#readAll();
    this.#read.catch(() => {}); // told by `end`
  }

  /** When the first request was answered by that version; null: none was. */
  firstAnswerMs(service: string, version: number): number | null {
    return endOf(this.#first.get(`${service} ${version}`));
  }

  /** True when a request that was sent after `sinceMs` was answered by that version. */
  hasAnsweredSince(service: string, version: number, sinceMs: number): boolean {
    const last = this.#last.get(`${service} ${version}`)?.attempts.at(-1)?.sentAtMs ?? null;
    return last !== null && last > sinceMs;
  }

  /** Waits for that many more entries: time measured in traffic. */
  async more(count: number, withinMs: number): Promise<void> {
    const goal = this.entries.length + count;
    await until(() => this.entries.length >= goal, `${count} more requests to end`, withinMs);
  }

  /** Nothing more is sent; resolves when every request has ended. */
  async end(): Promise<readonly Entry[]> {
    this.#talk.say("end");
    await this.#read;
    return this.entries;
  }

  async #readAll(): Promise<void> {
    for (;;) {
      const message = await this.#talk.next<{ readonly entries: readonly Entry[] } | null>();
      if (message === null) return;
      for (const entry of message.entries) this.#add(entry);
    }
  }

  #add(entry: Entry): void {
    this.entries.push(entry);
    if (!isGood(entry.attempts.at(-1)!)) return;
    const key = `${entry.service} ${entry.version}`;
    const first = this.#first.get(key);
    if (first === undefined || endOf(entry)! < endOf(first)!) this.#first.set(key, entry);
    const last = this.#last.get(key);
    if (last === undefined || sentOf(entry) > sentOf(last)) this.#last.set(key, entry);
  }
}

const endOf = (entry: Entry | undefined) => entry?.attempts.at(-1)?.endedAtMs ?? null;
const sentOf = (entry: Entry) => entry.attempts.at(-1)?.sentAtMs ?? 0;
