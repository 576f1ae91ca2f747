/** How fast a peer moves bytes while it is its turn, measured over whole windows between sweeps. */
export class Pace {
  #fromMs = -1;
  #fromBytes = 0;

  /**
   * Called at each sweep. `bytes` is the sum that it has moved so far, or null while nothing is asked of it: then the window
   * starts anew. True when a window of at least `windowMs` passed with less than `rateMin` bytes a second.
   */
  isSlow(bytes: number | null, nowMs: number, windowMs: number, rateMin: number): boolean {
    if (bytes === null) {
      this.#fromMs = -1;
      return false;
    }
    const spanMs = nowMs - this.#fromMs;
    if (this.#fromMs !== -1 && spanMs < windowMs) return false;
    const isSlow = this.#fromMs !== -1 && bytes - this.#fromBytes < (rateMin * spanMs) / 1000;
    this.#fromMs = nowMs;
    this.#fromBytes = bytes;
    return isSlow;
  }
}
