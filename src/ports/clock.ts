/** Time, from outside. */
export interface Clock {
  /** Wall clock in ms since 1970: for records and people. It may jump. */
  now(): number;
  /** Never goes back, in ms from an arbitrary start: for waits and durations. */
  monotonic(): number;
  /** Resolves after `ms`, or rejects with the signal's reason. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
