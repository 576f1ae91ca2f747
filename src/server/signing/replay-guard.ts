/** What is held against a signed request that somebody sends a second time. */
export interface ReplayLimits {
  /** How far the clock of a client may be off, in ms, to both sides. */
  readonly windowMs: number;
  /** Nonces kept at once; a client that sends more within the window is refused until some are old. */
  readonly noncesMax: number;
}

/** A quarter of an hour, as the original allows; 200,000 nonces are 110 requests a second over both sides of it, and some 30 MB. */
export const REPLAY_LIMITS: ReplayLimits = { windowMs: 15 * 60_000, noncesMax: 200_000 };

export type ReplayVerdict = "fresh" | "seen" | "outside-window" | "too-many";

/**
 * Takes every signed request once. A nonce is kept for as long as its request could still be inside the window, so that forgetting it
 * opens nothing. After a restart nothing is remembered: requests signed before `startedAtMs` are outside the window then.
 */
export class ReplayGuard {
  readonly #limits: ReplayLimits;
  readonly #startedAtMs: number;
  /** Nonce with key id, to when it may go; in the order of arrival. */
  readonly #kept = new Map<string, number>();

  /** `startedAtMs`: wall clock of this process's start, less the time that requests may have been under way. */
  constructor(startedAtMs: number, limits: ReplayLimits = REPLAY_LIMITS) {
    this.#startedAtMs = startedAtMs;
    this.#limits = limits;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** Times are wall clock, ms since 1970. Only call it for a request whose signature is right: others must not fill the memory. */
  take(keyId: string, nonce: string, signedAtMs: number, nowMs: number): ReplayVerdict {
    const { windowMs, noncesMax } = this.#limits;
    if (Math.abs(nowMs - signedAtMs) > windowMs || signedAtMs < this.#startedAtMs) return "outside-window";
    const key = `${keyId}\n${nonce}`;
    const until = this.#kept.get(key);
    if (until !== undefined && until >= nowMs) return "seen";
    this.#forgetOld(nowMs);
    if (this.#kept.size >= noncesMax) return "too-many";
    this.#kept.delete(key);
    this.#kept.set(key, signedAtMs + windowMs);
    return "fresh";
  }

  /** The first are nearly the oldest: where a clock is off, one stays a little longer. */
  #forgetOld(nowMs: number): void {
    for (const [key, until] of this.#kept) {
      if (until >= nowMs) return;
      this.#kept.delete(key);
    }
  }
}
