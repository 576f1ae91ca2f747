import assert from "node:assert/strict";
import { test } from "node:test";
import { StaleWatch } from "./stale-watch.ts";

test("a beat that stands still between two looks is stale, by the time between answer and question", () => {
  const watch = new StaleWatch(1000);
  assert.equal(watch.look("1", 0, 50), "first");
  assert.equal(watch.look("2", 500, 600), "alive");
  assert.equal(watch.look("2", 1599, 1700), "same", "the answer came at 600");
  assert.equal(watch.look("2", 1600, 1700), "stale");
  assert.equal(watch.look("3", 1700, 1750), "alive");
});

test("one that was paused itself looks again before it says anything", () => {
  const watch = new StaleWatch(1000);
  watch.look("1", 0, 1);
  assert.equal(watch.look("9", 60_000, 60_001), "alive");
  assert.equal(watch.look("9", 60_500, 60_501), "same");
});
