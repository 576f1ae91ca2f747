import assert from "node:assert/strict";
import test from "node:test";
import { median, ratios, slope, spread } from "./statistics.ts";

test("the median is the middle, or between the two in the middle", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.equal(Number.isNaN(median([])), true);
});

test("a spread shows median, least and most", () => {
  assert.equal(spread([12.66, 9.2, 13.24], 1), "12.7 [9.2-13.2]");
});

test("ratios pair what was measured in the same turn", () => {
  assert.deepEqual(ratios([2, 9], [4, 3]), [0.5, 3]);
});

test("the slope of points on a line is the line's", () => {
  assert.equal(
    slope([
      [0, 1],
      [1, 3],
      [2, 5],
    ]),
    2,
  );
});
