import assert from "node:assert/strict";
import { test } from "node:test";
import { recordOf } from "../../testing/records.ts";
import { OPEN_RULE, type RolloutProgress, type RolloutRule } from "../rollout.ts";
import { rolloutStep } from "./rollout-step.ts";

const from = { version: 1, epoch: 0, retiredSlots: [] };
const percent = (value: number) => ({ kind: "percent", percent: value }) as const;
const count = (value: number) => ({ kind: "count", count: value }) as const;
const BATCHES: Partial<RolloutRule> = { batch: { size: count(2), intervalMs: 60_000 } };

interface Case {
  readonly rule?: Partial<RolloutRule> | null;
  readonly count?: number;
  readonly previous?: RolloutProgress | null;
  /** How many, from the lowest slot, are ready. */
  readonly ready?: number;
  readonly isFailing?: boolean;
  readonly nowMs?: number;
}

function step({ rule = {}, count = 6, previous = null, ready = 0, isFailing = false, nowMs = 0 }: Case) {
  const rollout = rule === null ? null : { ...OPEN_RULE, ...rule };
  const record = recordOf("a", { version: 2, latestVersion: 2, updatingFrom: from, rollout });
  const updated = Array.from({ length: count }, (_, i) => ({ isAlive: i < ready, isReady: i < ready }));
  return rolloutStep({ record, count, previous, updated, isFailing, nowMs })!;
}

test("without a rule, all at once", () => {
  assert.equal(step({ rule: null }).wantedCount, 6);
  assert.equal(
    rolloutStep({
      ...{ count: 6, previous: null, updated: [], isFailing: false, nowMs: 0 },
      record: recordOf("a"),
    }),
    null,
  );
});

test("a partition keeps so many at the version before; a part is rounded up", () => {
  const wanted = (partition: RolloutRule["partition"], total = 6) =>
    step({ rule: { partition }, count: total }).wantedCount;
  assert.deepEqual([wanted(count(2)), wanted(percent(50)), wanted(percent(50), 5)], [4, 3, 2]);
  assert.deepEqual([wanted(percent(1)), wanted(percent(100)), wanted(count(9))], [5, 0, 0]);
});

test("batches: the first at once, the next when the one before is ready and the interval is over", () => {
  const first = step({ rule: BATCHES });
  assert.deepEqual([first.wantedCount, first.nextBatchAtMs, first.phase], [2, null, "Pending"]);
  const loading = step({ rule: BATCHES, previous: first, ready: 1, nowMs: 1_000 });
  assert.deepEqual([loading.wantedCount, loading.nextBatchAtMs, loading.phase], [2, null, "Running"]);
  const ready = step({ rule: BATCHES, previous: loading, ready: 2, nowMs: 5_000 });
  assert.deepEqual([ready.wantedCount, ready.nextBatchAtMs, ready.readyCount], [2, 65_000, 2]);
  assert.equal(step({ rule: BATCHES, previous: ready, ready: 2, nowMs: 64_999 }).wantedCount, 2);
  const second = step({ rule: BATCHES, previous: ready, ready: 2, nowMs: 65_000 });
  assert.deepEqual([second.wantedCount, second.nextBatchAtMs], [4, null]);
  const crashed = step({ rule: BATCHES, previous: ready, ready: 1, nowMs: 66_000 });
  assert.deepEqual(
    [crashed.wantedCount, crashed.nextBatchAtMs],
    [2, null],
    "it waits anew when all are ready again",
  );
  const failing = step({ rule: BATCHES, previous: ready, ready: 2, isFailing: true, nowMs: 70_000 });
  assert.deepEqual([failing.wantedCount, failing.phase], [2, "Failed"]);
  const withPartition = { ...BATCHES, partition: count(3) };
  assert.equal(step({ rule: withPartition, previous: ready, ready: 2, nowMs: 65_000 }).wantedCount, 3);
});

test("a clock that went back makes no wait longer than the interval", () => {
  const previous = step({ rule: BATCHES, previous: step({ rule: BATCHES }), ready: 2, nowMs: 1_000_000 });
  assert.equal(step({ rule: BATCHES, previous, ready: 2, nowMs: 0 }).nextBatchAtMs, 60_000);
});

test("paused before it began: nothing; paused on the way: what was begun is finished; then it goes on", () => {
  const atStart = step({ rule: { isPaused: true } });
  assert.deepEqual([atStart.wantedCount, atStart.phase], [0, "Paused"]);
  const open = step({ rule: null, ready: 2 });
  const paused = step({ rule: { isPaused: true }, previous: open, ready: 3 });
  assert.equal(paused.wantedCount, 3);
  assert.equal(step({ rule: { isPaused: true }, previous: paused, ready: 6 }).wantedCount, 3);
  assert.equal(step({ rule: {}, previous: paused, ready: 3 }).wantedCount, 6);
  const resumed = step({ rule: BATCHES, previous: atStart });
  assert.equal(resumed.wantedCount, 2, "the first batch does not wait");
});

test("another count moves the part at the version before; progress of another version counts for nothing", () => {
  const paused = { ...step({ rule: { isPaused: true } }), wantedCount: 4 };
  assert.equal(step({ rule: { isPaused: true }, previous: paused, count: 10 }).wantedCount, 4);
  assert.equal(step({ rule: { isPaused: true }, previous: paused, count: 2 }).wantedCount, 2);
  assert.equal(step({ rule: { isPaused: true }, previous: { ...paused, version: 7 } }).wantedCount, 0);
});
