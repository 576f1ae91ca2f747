import { BATCH_ENDS, type InstanceWork } from "../core/instance-work.ts";

/** Counts what the workers of an instance do; on the way of a request everything here is an addition to a number. */
export class WorkMeter {
  #computed = 0;
  #computeMs = 0;
  #batches: number[] | null = null;
  #batched = 0;

  /** A worker has begun to answer a request that it was given `ms` before. */
  computed(ms: number): void {
    this.#computed++;
    this.#computeMs += ms;
  }

  /** A worker was given so many requests to be worked on together, from 1 to the last of {@link BATCH_ENDS}. */
  batch(size: number): void {
    this.#batches ??= new Array<number>(BATCH_ENDS.length).fill(0);
    this.#batches[BATCH_ENDS.findIndex((end) => size <= end)]! += 1;
    this.#batched += size;
  }

  /** All that was counted so far; null: nothing. */
  get work(): Omit<InstanceWork, "instance"> | null {
    if (this.#computed === 0 && this.#batches === null) return null;
    const batches = this.#batches;
    return {
      computed: this.#computed,
      computeUs: Math.round(this.#computeMs * 1000),
      ...(batches === null ? {} : { batches: [...batches], batchedRequests: this.#batched }),
    };
  }
}
