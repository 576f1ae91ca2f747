import assert from "node:assert/strict";
import test from "node:test";
import { lookPeriodMs } from "./look-period.ts";

test("few services are looked at each 10 s; many at 50 looks a second; the most each 60 s", () => {
  for (const [count, periodMs] of [
    [0, 10_000],
    [500, 10_000],
    [1_000, 20_000],
    [3_000, 60_000],
    [100_000, 60_000],
  ] as const)
    assert.equal(lookPeriodMs(count), periodMs, `${count} services`);
});
