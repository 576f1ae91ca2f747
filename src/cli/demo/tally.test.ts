import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyTally, percentile, record, rows, total } from "./tally.ts";

const right = (member: string, latencyMs: number) => ({ member, latencyMs, difference: 0, complaint: null });

test("a percentile is the nearest rank", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  assert.equal(percentile(hundred, 50), 50);
  assert.equal(percentile(hundred, 99), 99);
  assert.equal(percentile(hundred, 100), 100);
  assert.equal(percentile(hundred, 0), 1);
  assert.equal(percentile([3, 1, 2], 50), 2);
  assert.equal(percentile([7], 99), 7);
  assert.equal(percentile([], 50), null);
});

test("rows have each member's requests, share and latencies, and name members without traffic", () => {
  const tally = emptyTally(["prod", "grey"]);
  assert.deepEqual(rows(tally)[0], {
    member: "prod",
    requests: 0,
    share: 0,
    p50Ms: null,
    p99Ms: null,
    wrong: 0,
  });
  for (const latencyMs of [4, 1, 2, 3]) record(tally, right("prod", latencyMs));
  record(tally, { member: "stranger", latencyMs: 9, difference: 0.5, complaint: "who are you" });
  assert.equal(total(tally), 5);
  assert.deepEqual(
    rows(tally).map((row) => [row.member, row.requests, row.share, row.p50Ms, row.p99Ms, row.wrong]),
    [
      ["prod", 4, 0.8, 2, 4, 0],
      ["grey", 0, 0, null, null, 0],
      ["stranger", 1, 0.2, 9, 9, 1],
    ],
  );
  assert.equal(tally.largestDifference, 0.5);
});

test("every wrong answer is counted, but only the first five are described", () => {
  const tally = emptyTally(["prod"]);
  for (let number = 0; number < 9; number++) {
    record(tally, { member: "prod", latencyMs: 1, difference: 0, complaint: `wrong ${number}` });
  }
  assert.equal(rows(tally)[0]?.wrong, 9);
  assert.deepEqual(tally.complaints, ["wrong 0", "wrong 1", "wrong 2", "wrong 3", "wrong 4"]);
});
