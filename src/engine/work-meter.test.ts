import assert from "node:assert/strict";
import { test } from "node:test";
import { BATCH_ENDS } from "../core/instance-work.ts";
import { WorkMeter } from "./work-meter.ts";

test("nothing is told before there was something to do", () => {
  assert.equal(new WorkMeter().work, null);
});

test("compute time is added up; without batches none are told", () => {
  const meter = new WorkMeter();
  meter.computed(1.5);
  meter.computed(0.25);
  assert.deepEqual(meter.work, { computed: 2, computeUs: 1750 });
});

test("each batch is in the first bucket that holds it", () => {
  const meter = new WorkMeter();
  for (const size of [1, 1, 2, 3, 4, 5, 256, 257, 1024]) meter.batch(size);
  const { batches, batchedRequests } = meter.work!;
  assert.equal(batchedRequests, 1 + 1 + 2 + 3 + 4 + 5 + 256 + 257 + 1024);
  assert.deepEqual(batches, [2, 1, 2, 1, 0, 0, 0, 0, 1, 1, 1]);
  assert.equal(batches!.length, BATCH_ENDS.length);
});
