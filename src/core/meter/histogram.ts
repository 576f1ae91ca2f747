import { assert } from "../../base/assert.ts";

/**
 * A log-linear histogram of whole microseconds: exact below 16, above that 16 buckets for each doubling, so a
 * value read back is at most 1/16 above the true one. Integers and `clz32` only: 4 times cheaper than a logarithm.
 */

/** Largest value kept apart, 35.8 minutes; a larger one counts as this. */
export const LATENCY_US_MAX = 0x7fff_ffff;
/** Buckets that cover 0 to LATENCY_US_MAX. */
export const BUCKET_COUNT = 448;

/** Bucket of a value in µs; fractions are cut off, negative values count as 0. */
export function bucketOf(us: number): number {
  const whole = us >= LATENCY_US_MAX ? LATENCY_US_MAX : us > 0 ? us | 0 : 0;
  if (whole < 16) return whole;
  const exponent = 31 - Math.clz32(whole);
  return (exponent - 3) * 16 + ((whole >>> (exponent - 4)) & 15);
}

/** Smallest value of a bucket, in µs. */
export function bucketFrom(bucket: number): number {
  if (bucket < 16) return bucket;
  return (16 + (bucket & 15)) * 2 ** ((bucket >>> 4) - 1);
}

/** Largest value of a bucket, in µs. */
export function bucketTo(bucket: number): number {
  return bucketFrom(bucket + 1) - 1;
}

/** A histogram on the wire: pairs of bucket and count, buckets rising, counts above 0. */
export type SparseHistogram = readonly (readonly [bucket: number, count: number])[];

/** Counts of latencies that can be recorded into, merged and read. */
export class Histogram {
  readonly #counts = new Float64Array(BUCKET_COUNT);
  #total = 0;

  /** Values recorded so far. */
  get total(): number {
    return this.#total;
  }

  /** Counts one value in µs. */
  record(us: number): void {
    this.#counts[bucketOf(us)]! += 1;
    this.#total += 1;
  }

  /** Adds another histogram, as it comes over the wire. Buckets outside the range are a bug of the sender. */
  merge(other: SparseHistogram): void {
    for (const [bucket, count] of other) {
      assert(Number.isInteger(bucket) && bucket >= 0 && bucket < BUCKET_COUNT, `no bucket ${bucket}`);
      this.#counts[bucket]! += count;
      this.#total += count;
    }
  }

  /**
   * Value in µs that a share of all values does not exceed; `share` from 0 to 1, e.g. 0.99. It is the upper end of a
   * bucket, so it never makes a latency look better than it was. Null when nothing was recorded.
   */
  percentile(share: number): number | null {
    if (this.#total === 0) return null;
    const rank = Math.max(1, Math.ceil(share * this.#total));
    let seen = 0;
    let bucket = -1;
    while (seen < rank && bucket < BUCKET_COUNT - 1) seen += this.#counts[++bucket]!;
    return bucketTo(bucket);
  }

  /** Only the buckets in use. */
  encode(): SparseHistogram {
    const pairs: [number, number][] = [];
    this.#counts.forEach((count, bucket) => {
      if (count > 0) pairs.push([bucket, count]);
    });
    return pairs;
  }

  /** Back to nothing recorded. */
  clear(): void {
    this.#counts.fill(0);
    this.#total = 0;
  }
}
