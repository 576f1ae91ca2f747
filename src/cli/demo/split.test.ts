import assert from "node:assert/strict";
import { test } from "node:test";
import { splitFaults, splitText } from "./split.ts";
import { emptyTally, record } from "./tally.ts";

function tallyOf(counts: Record<string, number>, known = ["prod", "grey"]) {
  const tally = emptyTally(known);
  for (const [member, count] of Object.entries(counts)) {
    for (let number = 0; number < count; number++) {
      record(tally, { member, latencyMs: 1, difference: 0, complaint: null });
    }
  }
  return tally;
}

test("one request for each gateway worker may be off, and no more", () => {
  const split = { prod: 80, grey: 20 };
  assert.deepEqual(splitFaults(tallyOf({ prod: 800, grey: 200 }), split, 1), []);
  assert.deepEqual(splitFaults(tallyOf({ prod: 801, grey: 199 }), split, 1), []);
  assert.deepEqual(splitFaults(tallyOf({ prod: 802, grey: 198 }), split, 2), []);
  assert.deepEqual(splitFaults(tallyOf({ prod: 802, grey: 198 }), split, 1), [
    "prod answered 802 of 1000 requests; 80 % are 800 ± 1",
    "grey answered 198 of 1000 requests; 20 % are 200 ± 1",
  ]);
});

test("a member without a share may not get one request, whatever the number of workers", () => {
  const split = { prod: 100, grey: 0 };
  assert.deepEqual(splitFaults(tallyOf({ prod: 1000 }), split, 4), []);
  assert.equal(splitFaults(tallyOf({ prod: 999, grey: 1 }), split, 4).length, 2);
});

test("a member that is not in the split is a fault", () => {
  const faults = splitFaults(tallyOf({ prod: 80, grey: 20, stranger: 1 }), { prod: 80, grey: 20 }, 2);
  assert.deepEqual(faults, ["1 requests were answered by stranger, which has no share"]);
});

test("a split is written in its order", () => {
  assert.equal(splitText({ prod: 73, grey: 27 }), "73/27");
});
