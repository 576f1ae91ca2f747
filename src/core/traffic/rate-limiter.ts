/** A bucket holds what comes in so long, in ms: as in Envoy, a limit of 10 a second lets 10 requests come at once. */
const BUCKET_MS = 1000;

/**
 * A token bucket as one number (GCRA, ITU-T I.371): the time at which the bucket would be full again. It is empty when that
 * is a bucket's time away. In any span of `t` seconds at most `perSecond × (t + 1)` requests pass, or one more below 1 a second.
 */
export class RateLimiter {
  #intervalMs: number;
  #bucketMs: number;
  #fullAtMs = Number.NEGATIVE_INFINITY;

  /** `perSecond` > 0, not necessarily whole. The bucket is full at first. */
  constructor(perSecond: number) {
    this.#intervalMs = 1000 / perSecond;
    this.#bucketMs = Math.max(BUCKET_MS, this.#intervalMs);
  }

  /** Another rate from now on; tokens that are missing still are. */
  setRate(perSecond: number): void {
    this.#intervalMs = 1000 / perSecond;
    this.#bucketMs = Math.max(BUCKET_MS, this.#intervalMs);
  }

  /** Takes a token at `nowMs` (monotonic): 0. When there is none, nothing is taken: ms until there will be one. */
  take(nowMs: number): number {
    const fullAtMs = Math.max(this.#fullAtMs, nowMs) + this.#intervalMs;
    const waitMs = fullAtMs - nowMs - this.#bucketMs;
    // Sums of fractions of a ms are off by less than this.
    if (waitMs > 1e-6) return waitMs;
    this.#fullAtMs = fullAtMs;
    return 0;
  }
}
