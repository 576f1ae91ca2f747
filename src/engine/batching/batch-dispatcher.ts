import type { BatchSpec } from "../../core/instance-spec.ts";
import type { BatchTaker, Exchange, RequestQueue } from "../exchange.ts";
import { FRAME } from "../frames.ts";
import { WaitingList } from "../waiting-list.ts";
import { WorkerPool } from "../worker-pool.ts";
import { ArrivalGap, adaptiveWaitMs, type BatchRule } from "./batch-rules.ts";

/** A batch has no more bytes than this, and is one request that is longer: large bodies gain nothing from company. */
const BATCH_BYTES_MAX = 16 * 1024 * 1024;

export interface BatchDispatcherParts {
  readonly spec: BatchSpec;
  /** Monotonic ms. */
  readonly now: () => number;
  /** Absent: the adaptive one. */
  readonly rule?: BatchRule | undefined;
}

/**
 * The bounded queue of a service with `metadata.rpc.batching`. All requests pass the queue; at the end of each turn of the loop what is there
 * goes to the freest worker, in the order in which it came, as the rule says ({@link BatchRule}).
 */
export class BatchDispatcher implements RequestQueue {
  queueSizeMax: number;
  readonly #spec: BatchSpec;
  readonly #now: () => number;
  readonly #rule: BatchRule;
  readonly #workers = new WorkerPool<BatchTaker>();
  readonly #waiting = new WaitingList();
  readonly #arrivals = new ArrivalGap();
  #turnDue: NodeJS.Immediate | null = null;
  #waitDue: NodeJS.Timeout | null = null;

  constructor(queueSizeMax: number, { spec, now, rule }: BatchDispatcherParts) {
    this.queueSizeMax = queueSizeMax;
    this.#spec = spec;
    this.#now = now;
    this.#rule = rule ?? adaptiveWaitMs;
  }

  get queuedCount(): number {
    return this.#waiting.count;
  }

  get busyCount(): number {
    return this.#workers.busyCount;
  }

  add(worker: BatchTaker): void {
    this.#workers.add(worker);
    this.pump();
  }

  remove(worker: BatchTaker): void {
    this.#workers.remove(worker);
  }

  /** False when as many wait as may, beside those that go at the end of this turn. */
  submit(exchange: Exchange): boolean {
    let going = 0;
    for (const worker of this.#workers) going += worker.freeCount * worker.batchSizeMax;
    if (this.#waiting.count >= this.queueSizeMax + going) return false;
    exchange.queuedAt = this.#now();
    this.#arrivals.arrived(exchange.queuedAt);
    this.#waiting.append(exchange);
    this.pump();
    return true;
  }

  withdraw(exchange: Exchange): void {
    if (exchange.isQueued) {
      this.#waiting.remove(exchange);
      exchange.leftQueue();
      exchange.payload.clear();
      if (this.#waiting.count === 0) this.#stopWaiting();
    } else if (exchange.worker !== null) {
      exchange.worker.cancel(exchange);
    }
  }

  /** Looks at the end of this turn what can go. */
  pump(): void {
    if (this.#waiting.count > 0) this.#turnDue ??= setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#turnDue = null;
    this.#stopWaiting();
    for (;;) {
      const worker = this.#workers.freest;
      if (worker === null) return;
      const now = this.#now();
      const batch = this.#collect(worker.batchSizeMax, now);
      if (batch.length === 0) return;
      const waitMs = this.#waitMs(batch, worker, now);
      if (waitMs > 0) {
        this.#waitDue = setTimeout(() => this.#turn(), waitMs);
        return;
      }
      for (const exchange of batch) {
        this.#waiting.remove(exchange);
        exchange.leftQueue();
      }
      worker.sendBatch(batch, now);
    }
  }

  #stopWaiting(): void {
    if (this.#waitDue !== null) clearTimeout(this.#waitDue);
    this.#waitDue = null;
  }

  #waitMs(batch: readonly Exchange[], worker: BatchTaker, now: number): number {
    // What waits behind it cannot join it: it is as full as it gets.
    if (worker.batchSizeMax === 1 || batch.length < this.#waiting.count) return 0;
    return this.#rule(this.#spec, {
      size: batch.length,
      busyCount: worker.busyBatchCount,
      waitedMs: now - batch[0]!.queuedAt,
      gapMs: this.#arrivals.meanMs,
      quietMs: now - this.#arrivals.lastAt,
    });
  }

  /** The requests at the head of the queue that may go together. Those that are too late are answered so, and go nowhere. */
  #collect(sizeMax: number, now: number): Exchange[] {
    const batch: Exchange[] = [];
    let bytes = 0;
    let next = this.#waiting.first;
    while (next !== null && batch.length < sizeMax) {
      const exchange = next;
      next = exchange.queueNext;
      if (exchange.deadlineMs <= now) {
        exchange.expire();
        continue;
      }
      const { payload } = exchange;
      const isAlone = payload.type !== FRAME.REQUEST;
      bytes += payload.frontBytes + payload.to - payload.from;
      if (batch.length > 0 && (isAlone || bytes > BATCH_BYTES_MAX)) break;
      batch.push(exchange);
      if (isAlone) break;
    }
    return batch;
  }
}
