/** First wait before a crashed instance is started again. */
export const BACKOFF_MIN_MS = 1_000;
/** Longest wait: a fixed file or a freed port is noticed within a minute. */
export const BACKOFF_MAX_MS = 60_000;
/** An instance that was ready this long has recovered: its next crash begins the backoff anew. */
export const RECOVERED_AFTER_MS = 60_000;
/** So many ends in a row, and an instance counts as failing: it will hardly come up by itself. */
export const FAILING_AFTER = 3;

/** Wait after the `failures`-th end in a row (from 1): 1 s, doubling, at most 60 s. */
export function backoffMs(failures: number): number {
  return Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** Math.min(16, Math.max(0, failures - 1)));
}

/** A point in the future that was stored: never further away than the longest wait, whatever the clock did since. */
export function boundedUntil(untilMs: number, nowMs: number): number {
  return Math.min(untilMs, nowMs + BACKOFF_MAX_MS);
}
