import { keyOfText } from "../core/traffic/affinity.ts";

/** A hash table is made anew when it grows: of a small one, requests do not wait for that. */
const SHARDS = 64;

/**
 * How many instances of a table have an id with the same 32 bits of hash. It says at once, and without keeping the ids, that nobody has an
 * id; that somebody may have it, about one time in 200,000 wrongly at 20,000 ids.
 */
export class IdCounts {
  readonly #shards = Array.from({ length: SHARDS }, () => new Map<number, number>());

  /** Counts it; how many there are now that may be it. */
  add(id: string): number {
    const [shard, hash] = this.#find(id);
    const count = (shard.get(hash) ?? 0) + 1;
    shard.set(hash, count);
    return count;
  }

  /** Takes back one `add`. */
  delete(id: string): void {
    const [shard, hash] = this.#find(id);
    const count = shard.get(hash) ?? 0;
    if (count > 1) shard.set(hash, count - 1);
    else shard.delete(hash);
  }

  /** How many may be it. */
  of(id: string): number {
    const [shard, hash] = this.#find(id);
    return shard.get(hash) ?? 0;
  }

  /** How many there are. */
  get total(): number {
    return this.#shards.reduce((sum, shard) => sum + [...shard.values()].reduce((a, b) => a + b, 0), 0);
  }

  #find(id: string): readonly [Map<number, number>, number] {
    const hash = keyOfText(id) | 0;
    return [this.#shards[hash & (SHARDS - 1)]!, hash];
  }
}
