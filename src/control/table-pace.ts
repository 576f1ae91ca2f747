import type { Clock } from "../ports/clock.ts";

/**
 * A table of a thousand services costs some milliseconds. While many services change at once, tables could follow each other without end; this
 * process rests for so many times what the last one took, goes on to do other things, and the next table has more in it.
 */
const REST = 2;

/** When the next route table may be made. */
export class TablePace {
  readonly #clock: Clock;
  #restUntil = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** 0: now. */
  get waitMs(): number {
    return Math.max(0, this.#restUntil - this.#clock.monotonic());
  }

  async measured<T>(work: () => Promise<T>): Promise<T> {
    const beganAt = this.#clock.monotonic();
    try {
      return await work();
    } finally {
      const now = this.#clock.monotonic();
      this.#restUntil = now + REST * (now - beganAt);
    }
  }
}
