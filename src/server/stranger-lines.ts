/** Lines of the log within a minute about requests without a right key: who has no key must not be able to fill the disk. */
const LINES_MAX = 60;
const WINDOW_MS = 60_000;

/** Which requests of nobody that is known are told of in the log. Times are ms of a clock that does not go back. */
export class StrangerLines {
  #sinceMs = Number.NEGATIVE_INFINITY;
  #count = 0;
  #untold = 0;

  /** How many went by without a line before this one, which gets one; null: this one gets none. */
  take(nowMs: number): number | null {
    if (nowMs - this.#sinceMs >= WINDOW_MS) {
      this.#sinceMs = nowMs;
      this.#count = 0;
    }
    this.#count += 1;
    if (this.#count > LINES_MAX) {
      this.#untold += 1;
      return null;
    }
    const untold = this.#untold;
    this.#untold = 0;
    return untold;
  }
}
