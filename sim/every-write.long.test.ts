import assert from "node:assert/strict";
import test from "node:test";
import { ControlWorld } from "../src/testing/control-world.ts";
import { checkTheNight, liveTheDay } from "./scripted-day.ts";

async function writesOfOneDay(): Promise<number> {
  const world = new ControlWorld();
  await liveTheDay(world);
  await checkTheNight(world);
  return world.store.writeCount;
}

test("a day", async (t) => {
  const start = performance.now();
  const n = await writesOfOneDay();
  t.diagnostic(`${n} writes, ${performance.now() - start} ms`);
  assert.ok(n > 100);
});
