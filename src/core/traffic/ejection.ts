/** Longest time without a probe: an instance that is back is in use again after at most this long. */
export const EJECTION_MS_MAX = 30_000;

/** How long, in ms, an instance is left alone that could not be reached `failures` times in a row: `baseMs`, doubling. */
export function ejectionMs(failures: number, baseMs: number): number {
  return Math.min(EJECTION_MS_MAX, baseMs * 2 ** Math.min(30, Math.max(0, failures - 1)));
}
