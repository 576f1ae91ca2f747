import assert from "node:assert/strict";
import { test } from "node:test";
import { PlanWorld } from "../../testing/plan-world.ts";
import { type RollingSpec, readAmount } from "../spec/rolling.ts";

const rolling = (surge: number, unavailable: number): RollingSpec => ({
  surge: readAmount(surge),
  unavailable: readAmount(unavailable),
});

/** A settled world of version 1 that is about to be updated to version 2. */
function updating(count: number, pace: RollingSpec): PlanWorld {
  const world = new PlanWorld();
  world.spec = { ...world.spec, instanceCount: count, rolling: pace };
  world.settle();
  const { version, epoch, retiredSlots } = world.record!;
  world.record = {
    ...world.record!,
    version: 2,
    latestVersion: 2,
    generation: 2,
    updatingFrom: { version, epoch, retiredSlots },
  };
  return world;
}

const startsOf = (world: PlanWorld) => world.plan().actions.filter((a) => a.kind === "start").length;
const versions = (world: PlanWorld) => [...world.engines.values()].map((e) => e.spec.version);

test("as many new ones as the surge at once; old ones leave one for one, as new ones get ready", () => {
  const world = updating(4, rolling(2, 0));
  assert.equal(startsOf(world), 2);
  assert.equal(world.status!.serving.length, 4);
  world.finishLoading();
  world.plan();
  const serving = world.status!.serving.map((id) => id.includes("-v2-"));
  assert.deepEqual(serving.sort(), [false, false, true, true]);
});

test("unavailable: so many old ones go at once, and their places are used", () => {
  const world = updating(4, rolling(1, 2));
  assert.equal(startsOf(world), 1);
  assert.equal(world.status!.serving.length, 2);
  world.publish(true);
  world.plan();
  world.finishStops();
  assert.equal(startsOf(world), 2, "the surge and two places");
});

test("nothing is stopped before the files of the new version are here", () => {
  const world = updating(4, rolling(1, 2));
  world.files = { kind: "fetching", progress: [] };
  world.plan();
  assert.equal(world.status!.serving.length, 4);
});

test("without surge one is swapped for another, to the end", () => {
  const world = updating(3, rolling(0, 1));
  world.settle();
  assert.deepEqual(versions(world), [2, 2, 2]);
  assert.equal(world.record!.updatingFrom, null);
});

test("a failing new version: no further slot is begun, no further old one goes; a newer one takes its place first", () => {
  const world = updating(4, rolling(2, 1));
  world.broken.add(2);
  for (let i = 0; i < 30; i++) {
    world.plan();
    world.publish(true);
    world.finishLoading();
    world.finishStops();
    world.nowMs += 61_000;
  }
  const begun = world.status!.instances.filter((i) => i.version === 2 && i.lastExit !== null);
  assert.ok(begun.length <= 3, `${begun.length} slots of the failing version were begun`);
  assert.ok(world.status!.serving.length >= 3);
  assert.equal(world.status!.reason, "UPDATE_FAILING");
  assert.equal(world.status!.rollout!.phase, "Failed");
  world.record = { ...world.record!, version: 3, latestVersion: 3, generation: 3 };
  world.plan();
  const failed = world.status!.instances.filter((i) => i.version === 2);
  assert.ok(
    failed.every((i) => i.drainingSinceMs !== null),
    "what failed goes at once",
  );
  world.settle();
  assert.deepEqual(versions(world), [3, 3, 3, 3]);
});

test("while an update fails, none that serves goes to make a place in the surge, though some may be missing", () => {
  const world = updating(4, rolling(2, 0));
  world.broken.add(2);
  world.plan();
  world.finishLoading();
  world.plan();
  world.spec = { ...world.spec, rolling: rolling(1, 1) };
  world.nowMs += 61_000;
  assert.equal(startsOf(world), 1, "one of the two that failed has the only place");
  world.plan();
  assert.equal(world.status!.serving.length, 4);
});

test("back to the version that still serves: nothing is started for those that do", () => {
  const world = updating(3, rolling(1, 0));
  world.plan();
  world.finishLoading();
  world.plan();
  world.record = { ...world.record!, ...world.record!.updatingFrom!, updatingFrom: null, generation: 3 };
  world.plan();
  assert.equal(world.status!.serving.filter((id) => id.includes("-v1-")).length, 3);
});

test("no room to surge and none may be missing: it says what is missing and what helps, and goes on when told", () => {
  const world = updating(2, rolling(1, 0));
  world.capacity = { cpu: 2.5, memoryMb: 10_000 };
  const { actions } = world.plan();
  assert.deepEqual(actions, []);
  assert.equal(world.status!.reason, "NO_ROOM");
  assert.equal(
    world.status!.message,
    "a-v2-0 needs 1 core and 1000 MB; 0.5 cores and 8000 MB are free, 0.5 cores missing: free room, or set metadata.rolling_strategy.max_unavailable to 1, so that an old one goes first",
  );
  assert.equal(world.status!.serving.length, 2);
  world.spec = { ...world.spec, rolling: rolling(1, 1) };
  world.settle();
  assert.deepEqual(versions(world), [2, 2]);
});

test("when even a swap makes no room, nothing is stopped for it", () => {
  const world = updating(2, rolling(1, 1));
  world.spec = { ...world.spec, cpu: 4 };
  world.capacity = { cpu: 2, memoryMb: 10_000 };
  world.settle();
  assert.deepEqual(versions(world), [1, 1]);
  assert.match(world.status!.message, /needs 4 cores and 1000 MB; 0 cores .* 4 cores missing: free room$/);
});

test("what does not fit waits, and nothing smaller overtakes it; a new service says Waiting", () => {
  const world = new PlanWorld();
  world.capacity = { cpu: 1, memoryMb: 10_000 };
  world.settle();
  assert.equal(world.engines.size, 1);
  assert.deepEqual([world.status!.phase, world.status!.reason], ["Waiting", "NO_ROOM"]);
  const held = world.status!.instances.find((i) => i.reason === "NoRoom")!;
  assert.equal(held.message, "needs 1 core and 1000 MB; 0 cores and 9000 MB are free, 1 core missing");
});
