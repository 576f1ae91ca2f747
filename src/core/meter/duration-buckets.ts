import { BUCKET_COUNT, bucketTo, type SparseHistogram } from "./histogram.ts";

/** Upper ends of the buckets that durations are published in, in seconds; above the last one there is one more, without end. */
export const DURATION_ENDS_S: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300,
];

/** Of each bucket of the fine histogram: the published one that surely holds all of it, so at most 1.6 % are told too slow. */
const PUBLISHED_AT = Uint8Array.from({ length: BUCKET_COUNT }, (_, bucket) => {
  const at = DURATION_ENDS_S.findIndex((end) => bucketTo(bucket) <= end * 1e6);
  return at === -1 ? DURATION_ENDS_S.length : at;
});

/** Adds a histogram to counts of published buckets, one more than there are ends; each value counts in one of them. */
export function addDurations(counts: Float64Array, latency: SparseHistogram): void {
  for (let i = 0; i < latency.length; i += 2) counts[PUBLISHED_AT[latency[i]!]!]! += latency[i + 1]!;
}
