import type { BatchSpec } from "../../core/instance-spec.ts";

/**
 * When a batch goes to a worker.
 *
 * A full batch goes at once, and so does any batch to a worker that has nothing to do: waiting would leave it idle, and while it works
 * the next batch grows by itself, as large as the load makes it. So batches are small when there is little to do and full
 * when there is much, and no wait has to be guessed.
 *
 * There is one case where waiting can gain: a thread is free while others of the same worker are at work. They share its processor, so two
 * small batches side by side cost more than one that is larger. Then the batch waits, but only while the requests of the last moments say
 * that another is about to come, never longer than `waitMsMax` in all, and not beyond the end of the work that goes on.
 */
export interface BatchView {
  /** Requests that would go now, at least 1. */
  readonly size: number;
  /** Batches that the worker is at. */
  readonly busyCount: number;
  /** How long the first of them has waited. */
  readonly waitedMs: number;
  /** Mean time between the last requests; Infinity while there were not two. */
  readonly gapMs: number;
  /** Since the last one came. */
  readonly quietMs: number;
}

/** How long the batch should wait for others, in ms; 0: it goes now. */
export type BatchRule = (spec: BatchSpec, view: BatchView) => number;

/** Another request that is late by more than its mean distance is not waited for any longer. */
const LATE_GAPS = 2;

export const adaptiveWaitMs: BatchRule = (spec, view) => {
  if (view.size >= spec.sizeMax || view.busyCount === 0) return 0;
  const leftMs = spec.waitMsMax - view.waitedMs;
  if (view.gapMs > leftMs) return 0;
  return Math.max(0, Math.min(leftMs, LATE_GAPS * view.gapMs - view.quietMs));
};

/** What others do: each batch waits until it is full or its first request has waited for so long. Here to be measured against. */
export const fixedWaitMs: BatchRule = (spec, view) =>
  view.size >= spec.sizeMax ? 0 : Math.max(0, spec.waitMsMax - view.waitedMs);

/** Weight of the newest distance in the mean: the last ten requests or so count. */
const NEWEST = 1 / 8;

/** Mean time between requests, the newest counting most. */
export class ArrivalGap {
  /** Infinity while there were not two. */
  meanMs = Number.POSITIVE_INFINITY;
  lastAt = Number.NEGATIVE_INFINITY;

  arrived(nowMs: number): void {
    const gap = nowMs - this.lastAt;
    this.lastAt = nowMs;
    if (gap === Number.POSITIVE_INFINITY) return;
    this.meanMs = this.meanMs === Number.POSITIVE_INFINITY ? gap : this.meanMs + (gap - this.meanMs) * NEWEST;
  }
}
