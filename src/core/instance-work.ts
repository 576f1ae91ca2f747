import type { InstanceId } from "./names.ts";

/** Upper ends of the buckets that sizes of batches are counted in; the last is the largest `max_batch_size`. */
export const BATCH_ENDS: readonly number[] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

/** What the processor workers of one instance have done since its engine started; in `work.json` of its folder. */
export interface InstanceWork {
  readonly instance: InstanceId;
  /** Requests that they have begun to answer, those of the warm-up not among them. */
  readonly computed: number;
  /** How long that took, in µs, all together: each from being given to a worker until its answer began. */
  readonly computeUs: number;
  /** Batches by size: by the buckets of {@link BATCH_ENDS}, each batch in one. Absent: requests go one by one. */
  readonly batches?: readonly number[];
  /** Requests in all those batches. */
  readonly batchedRequests?: number;
}
