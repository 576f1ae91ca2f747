/** What is held against a signed request that somebody sends a second time. */
export interface ReplayLimits {
  /** How far the clock of a client may be off, in ms, to both sides. */
  readonly windowMs: number;
  /** Nonces kept at once; a client that sends more within the window is refused until some are old. */
  readonly noncesMax: number;
  /** When three quarters are kept, only keys with fewer than these are taken: so one busy key cannot keep the others out. */
  readonly modestMax: number;
}

/**
 * A quarter of an hour, as the original allows; 200,000 nonces are 110 requests a second over both sides of it, and some 30 MB: 80 a second of
 * one key, and at least one of each of 25 others.
 */
export const REPLAY_LIMITS: ReplayLimits = { windowMs: 15 * 60_000, noncesMax: 200_000, modestMax: 2000 };

const SECOND_MS = 1000;

export type ReplayVerdict = "fresh" | "seen" | "outside-window" | "too-many";

/**
 * Takes every signed request once. A nonce is kept for as long as its request could still be inside the window, so that forgetting it
 * opens nothing. After a restart nothing is remembered: requests signed before the second of the start are outside the window then.
 */
export class ReplayGuard {
  readonly #limits: ReplayLimits;
  readonly #startedAtMs: number;
  /** Nonce with key id, to when it may go; in the order of arrival. */
  readonly #kept = new Map<string, { readonly untilMs: number; readonly keyId: string }>();
  /** How many of them each key has. */
  readonly #ofKey = new Map<string, number>();

  /**
   * `startedAtMs`: wall clock of this process's start. Clients sign whole seconds (eas-reference §7.7), so what says the second of the start is taken: a
   * client that calls at once would be refused for nothing. What the process before was sent in that very second could come twice.
   */
  constructor(startedAtMs: number, limits: ReplayLimits = REPLAY_LIMITS) {
    this.#startedAtMs = Math.floor(startedAtMs / SECOND_MS) * SECOND_MS;
    this.#limits = limits;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** Times are wall clock, ms since 1970. Only call it for a request whose signature is right: others must not fill the memory. */
  take(keyId: string, nonce: string, signedAtMs: number, nowMs: number): ReplayVerdict {
    const { windowMs, noncesMax, modestMax } = this.#limits;
    if (Math.abs(nowMs - signedAtMs) > windowMs || signedAtMs < this.#startedAtMs) return "outside-window";
    const key = `${keyId}\n${nonce}`;
    const before = this.#kept.get(key);
    if (before !== undefined && before.untilMs >= nowMs) return "seen";
    this.#forgetOld(nowMs);
    const isBusy = (this.#ofKey.get(keyId) ?? 0) >= modestMax;
    if (this.#kept.size >= (isBusy ? (noncesMax * 3) / 4 : noncesMax)) return "too-many";
    this.#forget(key, keyId);
    this.#kept.set(key, { untilMs: signedAtMs + windowMs, keyId });
    this.#ofKey.set(keyId, (this.#ofKey.get(keyId) ?? 0) + 1);
    return "fresh";
  }

  /** The first are nearly the oldest: where a clock is off, one stays a little longer. */
  #forgetOld(nowMs: number): void {
    for (const [key, { untilMs, keyId }] of this.#kept) {
      if (untilMs >= nowMs) return;
      this.#forget(key, keyId);
    }
  }

  #forget(key: string, keyId: string): void {
    if (!this.#kept.delete(key)) return;
    const left = (this.#ofKey.get(keyId) ?? 1) - 1;
    if (left === 0) this.#ofKey.delete(keyId);
    else this.#ofKey.set(keyId, left);
  }
}
