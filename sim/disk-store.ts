import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { openSqliteStore } from "../src/adapters/store-sqlite/open.ts";
import type { ServiceName } from "../src/core/names.ts";
import type { Change, DesiredState, NewEvent, ServiceStatus } from "../src/core/service.ts";
import type { EventQuery, Store } from "../src/ports/store.ts";
import { MemoryStore } from "../src/testing/memory-store.ts";

/**
 * The real store, for a world whose control process may be killed at any write. What is read comes from the file; what is written goes to the
 * memory beside it, too, where tests look, and what a later life must find in the file.
 */
export class DiskStore extends MemoryStore {
  readonly #root: string;
  #file: string;
  #disk: Store;
  #lives = 1;
  /** Writes asked for, of all lives. */
  #asked = 0;
  /** Writes of this life that nobody has had an answer to, in order: what each is in memory. */
  readonly #inFlight: (() => Promise<unknown>)[] = [];
  /** Resolves when the last write is in file and memory. */
  #done: Promise<unknown> = Promise.resolve();
  /** Called with the number of the write, before it and after it; the one before may throw. */
  onBefore: (count: number) => void = () => {};
  onAfter: (count: number) => void = () => {};

  /** `root`: an empty folder. */
  constructor(root: string) {
    super();
    this.#root = root;
    this.#file = join(root, "1", "sluice.db");
    this.#disk = openSqliteStore(this.#file);
  }

  /**
   * Goes on with the files as a process leaves them that is killed now: what SQLite had not cut back or closed stays so. The one of before is
   * used no more.
   */
  async reopen(): Promise<void> {
    this.#lives += 1;
    const file = join(this.#root, String(this.#lives), "sluice.db");
    mkdirSync(dirname(file));
    for (const end of ["", "-wal"])
      if (existsSync(this.#file + end)) copyFileSync(this.#file + end, file + end);
    await this.#disk.close();
    rmSync(dirname(this.#file), { recursive: true });
    this.#file = file;
    this.#disk = openSqliteStore(file);
    await this.#checkSame();
  }

  override readDesired() {
    return this.#disk.readDesired();
  }

  override commit(revision: number, changes: readonly Change[]) {
    return this.#write(
      () => this.#disk.commit(revision, changes),
      () => super.commit(revision, changes),
    );
  }

  override getStatus(service: ServiceName) {
    return this.#disk.getStatus(service);
  }

  override async listStatuses() {
    return new Map(await this.#disk.listStatuses());
  }

  override putStatus(service: ServiceName, status: ServiceStatus) {
    return this.#write(
      () => this.#disk.putStatus(service, status),
      () => super.putStatus(service, status),
    );
  }

  override addEvents(events: readonly NewEvent[]) {
    return this.#write(
      () => this.#disk.addEvents(events),
      () => super.addEvents(events),
    );
  }

  override async listEvents(query: EventQuery) {
    const { events, total } = await this.#disk.listEvents(query);
    return { events: [...events], total };
  }

  override getNumber(key: string) {
    return this.#disk.getNumber(key);
  }

  override putNumber(key: string, value: number) {
    return this.#write(
      () => this.#disk.putNumber(key, value),
      () => super.putNumber(key, value),
    );
  }

  override async close() {
    await this.#disk.close();
  }

  /** The file first, then the memory, in the order in which writes were asked for. */
  #write<T>(onDisk: () => Promise<T>, inMemory: () => Promise<T>): Promise<T> {
    this.#asked += 1;
    const number = this.#asked;
    this.onBefore(number);
    const life = this.#lives;
    const written = onDisk();
    this.#inFlight.push(inMemory);
    const earlier = this.#done;
    const mine = (async () => {
      const answer = await written;
      await earlier;
      if (life !== this.#lives) return answer; // whoever asked is dead
      this.#inFlight.shift();
      const same = await inMemory();
      this.onAfter(number);
      assert.deepEqual(answer, same);
      return answer;
    })();
    this.#done = mine.catch(() => {}); // whoever asked hears of it
    return mine;
  }

  /** Nothing that was answered is lost. Of what nobody had an answer to, the first writes may be in the file, and no later one without an earlier. */
  async #checkSame(): Promise<void> {
    for (const unheard of this.#inFlight.splice(0)) {
      if (isDeepStrictEqual(await this.#onDisk(), this.#inMemory())) return;
      await unheard();
    }
    assert.deepEqual(await this.#onDisk(), this.#inMemory());
  }

  async #onDisk(): Promise<unknown> {
    const { state } = await this.#disk.readDesired();
    return picture(state, await this.#disk.listStatuses());
  }

  #inMemory(): unknown {
    return picture(this.state, this.statuses);
  }
}

/** What is wanted and so, as plain values in one order. */
function picture(
  { services, groups, versions }: DesiredState,
  statuses: ReadonlyMap<ServiceName, ServiceStatus>,
): unknown {
  const sorted = (map: ReadonlyMap<string, unknown>) => [...map].sort(([x], [y]) => (x < y ? -1 : 1));
  return JSON.parse(JSON.stringify([services, groups, versions, statuses].map(sorted)));
}
