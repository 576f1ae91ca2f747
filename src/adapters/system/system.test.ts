import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "./clock.ts";
import { systemRandom } from "./random.ts";

test("a sleep lasts as long as asked, and ends with the signal's reason", async () => {
  const begin = systemClock.monotonic();
  await systemClock.sleep(5);
  assert.ok(systemClock.monotonic() - begin >= 5);
  await systemClock.sleep(-1);
  const reason = new Error("enough");
  await assert.rejects(systemClock.sleep(1000, AbortSignal.abort(reason)), reason);
  const stop = new AbortController();
  const sleeping = systemClock.sleep(60_000, stop.signal);
  stop.abort(reason);
  await assert.rejects(sleeping, reason);
});

test("a sleep longer than a timer can hold does not end at once", async () => {
  const stop = new AbortController();
  let isOver = false;
  const sleeping = systemClock.sleep(2 ** 33, stop.signal).finally(() => {
    isOver = true;
  });
  await systemClock.sleep(5);
  assert.equal(isOver, false);
  stop.abort(new Error("enough"));
  await assert.rejects(sleeping);
});

test("chance is in its range, and names have their form", () => {
  const draws = Array.from({ length: 10_000 }, () => systemRandom.next());
  assert.ok(draws.every((x) => x >= 0 && x < 1));
  const mean = draws.reduce((sum, x) => sum + x, 0) / draws.length;
  assert.ok(Math.abs(mean - 0.5) < 0.03, String(mean)); // ten standard deviations
  assert.match(systemRandom.hex(16), /^[0-9a-f]{32}$/);
  assert.match(systemRandom.uuid(), /^[0-9A-F]{8}-[0-9A-F]{4}-4[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}$/);
  assert.equal(new Set(Array.from({ length: 1000 }, () => systemRandom.hex(8))).size, 1000);
});
