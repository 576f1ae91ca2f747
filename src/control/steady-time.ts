import type { Clock } from "../ports/clock.ts";

/**
 * Wall time that never jumps while this process lives: the wall clock of its start, carried on by the monotonic one.
 * For waits that are kept over a restart (backoff, drain); what people read uses the wall clock itself.
 */
export function steadyTime(clock: Clock): () => number {
  const offsetMs = clock.now() - clock.monotonic();
  return () => Math.round(offsetMs + clock.monotonic());
}
