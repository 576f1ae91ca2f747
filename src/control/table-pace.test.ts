import assert from "node:assert/strict";
import test from "node:test";
import { VirtualClock } from "../testing/virtual-clock.ts";
import { TablePace } from "./table-pace.ts";

test("after a table comes a rest of twice what it took, also when it failed; the first has none", async () => {
  const clock = new VirtualClock();
  const pace = new TablePace(clock);
  assert.equal(pace.waitMs, 0);
  const table = pace.measured(() => clock.sleep(10));
  await clock.advance(10);
  await table;
  assert.equal(pace.waitMs, 20);
  await clock.advance(15);
  assert.equal(pace.waitMs, 5);
  await clock.advance(10);
  assert.equal(pace.waitMs, 0);
  const failing = assert.rejects(
    pace.measured(async () => {
      await clock.sleep(5);
      throw new Error("the store is full");
    }),
  );
  await clock.advance(5);
  await failing;
  assert.equal(pace.waitMs, 10);
});
