/** The queue that makes batches, against a worker and a clock that are not there: every request once, in order, within the bounds. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { type BatchTaker, type Exchange, Payload, type WorkerSlots } from "../exchange.ts";
import { FRAME } from "../frames.ts";
import { BatchDispatcher } from "./batch-dispatcher.ts";
import type { BatchRule } from "./batch-rules.ts";
import { BatchSlots } from "./batch-slots.ts";

class FakeExchange implements Exchange {
  queueNext: Exchange | null = null;
  queuePrevious: Exchange | null = null;
  isQueued = false;
  queuedAt = 0;
  worker: WorkerSlots | null = null;
  workerRequestId = 0;
  readonly payload = new Payload();
  readonly number: number;
  deadlineMs = Number.POSITIVE_INFINITY;
  isExpired = false;
  readonly #queue: BatchDispatcher;

  constructor(queue: BatchDispatcher, number: number, type: number = FRAME.REQUEST) {
    this.#queue = queue;
    this.number = number;
    this.payload.set(type, Buffer.from("front"), 5, Buffer.alloc(0), 0, 0);
  }

  expire(): void {
    this.isExpired = true;
    this.#queue.withdraw(this);
  }
  leftQueue(): void {}
  answered(): void {}
  began(): void {}
  part(): void {}
  completed(): void {}
  refused(): void {}
  workerDied(): void {}
}

class FakeWorker implements BatchTaker, WorkerSlots {
  freeCount: number;
  busyBatchCount = 0;
  readonly batchSizeMax: number;
  readonly batches: number[][] = [];
  readonly cancelled: number[] = [];

  constructor(threads: number, batchSizeMax: number) {
    this.freeCount = threads;
    this.batchSizeMax = batchSizeMax;
  }

  get busyCount(): number {
    return this.busyBatchCount;
  }
  send(): void {
    assert.fail("all of its requests come in batches");
  }
  sendBatch(exchanges: readonly Exchange[]): void {
    assert.ok(this.freeCount > 0, "no thread is free");
    assert.ok(
      exchanges.length >= 1 && exchanges.length <= this.batchSizeMax,
      `a batch of ${exchanges.length}`,
    );
    for (const exchange of exchanges) exchange.worker = this;
    this.batches.push(exchanges.map((exchange) => (exchange as FakeExchange).number));
    this.freeCount--;
    this.busyBatchCount++;
  }
  credit(): void {}
  cancel(exchange: Exchange): void {
    this.cancelled.push((exchange as FakeExchange).number);
  }
  finishOne(): void {
    if (this.busyBatchCount === 0) return;
    this.freeCount++;
    this.busyBatchCount--;
  }
}

const SPEC = { sizeMax: 4, waitMsMax: 50 };
function world(threads: number, rule?: BatchRule, queueSizeMax = 64) {
  const clock = { now: 1000 };
  const queue = new BatchDispatcher(queueSizeMax, { spec: SPEC, now: () => clock.now, rule });
  const worker = new FakeWorker(threads, SPEC.sizeMax);
  queue.add(worker);
  return { clock, queue, worker };
}

test("what comes in one turn goes together, and the backlog makes the next batch", async () => {
  const { queue, worker } = world(1);
  for (let i = 0; i < 3; i++) queue.submit(new FakeExchange(queue, i));
  await turn();
  for (let i = 3; i < 9; i++) queue.submit(new FakeExchange(queue, i));
  await turn();
  assert.deepEqual(worker.batches, [[0, 1, 2]]);
  worker.finishOne();
  queue.pump();
  await turn();
  worker.finishOne();
  queue.pump();
  await turn();
  assert.deepEqual(worker.batches, [
    [0, 1, 2],
    [3, 4, 5, 6],
    [7, 8],
  ]);
  assert.equal(queue.queuedCount, 0);
});

test("a description is asked for alone, and too many bytes go in two batches", async () => {
  const { queue, worker } = world(5, () => 0);
  queue.submit(new FakeExchange(queue, 0));
  queue.submit(new FakeExchange(queue, 1, FRAME.DESCRIBE));
  queue.submit(new FakeExchange(queue, 2));
  for (const number of [3, 4]) {
    const large = new FakeExchange(queue, number);
    queue.submit(large);
    large.payload.to = 10 * 1024 * 1024;
  }
  await turn();
  assert.deepEqual(worker.batches, [[0], [1], [2, 3], [4]]);
});

test("one more than may wait is refused; those that go at once do not count", async () => {
  const { queue, worker } = world(1, undefined, 2);
  const taken = Array.from({ length: 7 }, (_, i) => queue.submit(new FakeExchange(queue, i)));
  assert.deepEqual(taken, [true, true, true, true, true, true, false]);
  await turn();
  assert.deepEqual(worker.batches, [[0, 1, 2, 3]]);
  assert.equal(queue.queuedCount, 2);
  assert.equal(queue.submit(new FakeExchange(queue, 7)), false);
});

test("a waiting batch goes when its time is over", async () => {
  let asked = 0;
  const { queue, worker } = world(2, () => (asked++ < 3 ? 1 : 0));
  queue.submit(new FakeExchange(queue, 0));
  for (let i = 0; i < 10_000 && worker.batches.length === 0; i++) await new Promise((r) => setTimeout(r, 1));
  assert.deepEqual(worker.batches, [[0]]);
  assert.equal(asked, 4);
});

type Step =
  | { readonly kind: "submit"; readonly count: number; readonly lifeMs: number }
  | { readonly kind: "withdraw"; readonly index: number }
  | { readonly kind: "finish" | "turn" }
  | { readonly kind: "pass"; readonly ms: number };
const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant("submit" as const),
    count: fc.integer({ min: 1, max: 9 }),
    lifeMs: fc.integer({ min: 1, max: 200 }),
  }),
  fc.record({ kind: fc.constant("withdraw" as const), index: fc.nat(200) }),
  fc.record({ kind: fc.constantFrom("finish" as const, "turn" as const) }),
  fc.record({ kind: fc.constant("pass" as const), ms: fc.nat(60) }),
);

test("property: every request goes once, in order, in time, or was withdrawn, refused or too late", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(steps, { maxLength: 60 }),
      fc.integer({ min: 1, max: 3 }),
      async (script, threads) => {
        const { clock, queue, worker } = world(threads, undefined, 10);
        const accepted: FakeExchange[] = [];
        const withdrawn = new Set<number>();
        let sentBefore = 0;
        const check = () => {
          for (const batch of worker.batches.slice(sentBefore)) {
            for (const number of batch) {
              assert.ok(!withdrawn.has(number), `${number} was withdrawn`);
              assert.ok(accepted[number]!.deadlineMs > clock.now, `${number} is too late`);
            }
          }
          sentBefore = worker.batches.length;
        };
        for (const step of script) {
          if (step.kind === "submit") {
            for (let i = 0; i < step.count; i++) {
              const exchange = new FakeExchange(queue, accepted.length);
              exchange.deadlineMs = clock.now + step.lifeMs;
              if (queue.submit(exchange)) accepted.push(exchange);
            }
          } else if (step.kind === "withdraw") {
            const exchange = accepted[step.index];
            if (exchange?.isQueued) {
              withdrawn.add(exchange.number);
              queue.withdraw(exchange);
            }
          } else if (step.kind === "pass") {
            clock.now += step.ms;
          } else {
            if (step.kind === "finish") worker.finishOne();
            queue.pump();
            await turn();
            check();
          }
        }
        for (let i = 0; queue.queuedCount > 0 && i < 100; i++) {
          clock.now += SPEC.waitMsMax;
          worker.finishOne();
          queue.pump();
          await turn();
          check();
        }
        assert.equal(queue.queuedCount, 0);
        const sent = worker.batches.flat();
        assert.deepEqual(
          sent,
          sent.toSorted((a, b) => a - b),
          "order",
        );
        assert.equal(new Set(sent).size, sent.length, "one went twice");
        for (const { number, isExpired } of accepted) {
          const ends = [sent.includes(number), withdrawn.has(number), isExpired].filter(Boolean).length;
          assert.equal(ends, 1, `request ${number} has ${ends} ends`);
        }
      },
    ),
    { numRuns: 200 },
  );
});

test("a batch's thread is free when the last of its requests is answered", () => {
  const slots = new BatchSlots(2);
  slots.take([0, 1]);
  slots.take([2]);
  assert.equal(slots.freeCount, 0);
  slots.answered(1);
  assert.equal(slots.freeCount, 0);
  slots.answered(0);
  assert.deepEqual([slots.freeCount, slots.busyCount], [1, 1]);
  slots.take([1]);
  slots.answered(2);
  assert.equal(slots.freeCount, 1);
});
