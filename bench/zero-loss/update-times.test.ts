import assert from "node:assert/strict";
import test from "node:test";
import { PHASES, phaseLengths } from "./update-times.ts";

const sum = (lengths: Readonly<Record<string, number>>) =>
  Object.values(lengths).reduce((total, ms) => total + ms, 0);

test("phases follow each other, and sum to the whole", () => {
  const marks = {
    API: 1010,
    planning: 1015,
    "process start": 1100,
    "load and probe": 1180,
    "seen ready": 1190,
    "route and request": 1200,
  };
  const lengths = phaseLengths(1000, marks);
  assert.deepEqual(Object.values(lengths), [10, 5, 85, 80, 10, 10]);
  assert.deepEqual(Object.keys(lengths), [...PHASES]);
});

test("marks out of order, by clocks that tick apart, change nothing about the sum", () => {
  const marks = {
    API: 1020,
    planning: 1015,
    "process start": 1100,
    "load and probe": 1210,
    "seen ready": 1205,
    "route and request": 1200,
  };
  const lengths = phaseLengths(1000, marks);
  assert.deepEqual(Object.values(lengths), [20, 0, 80, 100, 0, 0]);
  assert.equal(sum(lengths), 200);
});
