import assert from "node:assert/strict";
import { test } from "node:test";
import { PlanWorld } from "../../testing/plan-world.ts";
import type { InstanceId } from "../names.ts";

const first = "a-v1-0" as InstanceId;
const second = "a-v1-1" as InstanceId;

/** Two instances serve, and the soft restart of the given ones is wanted. */
function restarting(...ids: readonly InstanceId[]): PlanWorld {
  const world = new PlanWorld();
  world.settle();
  const softRestarts = Object.fromEntries(ids.map((id) => [id, 1]));
  world.record = { ...world.record!, generation: 2, softRestarts };
  return world;
}

test("one after the other leaves the traffic, and starts again under its name", () => {
  const world = restarting(first, second);
  world.plan();
  assert.deepEqual(world.status!.serving, [second]);
  const due = () => world.status!.instances.map((i) => i.isRestartDue === true);
  assert.deepEqual(due(), [true, true]);
  world.settle();
  assert.deepEqual(world.status!.serving, [first, second]);
  assert.deepEqual(due(), [false, false], "it is done, and stays so although its order is kept");
  assert.deepEqual(
    [...world.engines.values()].map((e) => e.spec.softRestart),
    [1, 1],
  );
});

test("one that has left comes back to its work when the other one fails before it was stopped", () => {
  const world = restarting(first);
  world.plan();
  assert.deepEqual(world.status!.serving, [second]);
  world.turnUnready(second);
  world.plan();
  assert.deepEqual(world.status!.serving, [first]);
  world.settle();
  world.engines.get(second)!.phase = "ready";
  world.settle();
  assert.equal(world.engines.get(first)!.spec.softRestart, 1, "it is done when all serve again");
});

test("while one is leaving, it is finished before another one begins", () => {
  const world = restarting(second);
  world.plan();
  world.record = { ...world.record!, generation: 3, softRestarts: { [first]: 1, [second]: 1 } };
  world.plan();
  assert.deepEqual(world.status!.serving, [first]);
});
