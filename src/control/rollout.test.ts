import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import type { ServiceName } from "../core/names.ts";
import { OPEN_RULE } from "../core/rollout.ts";
import { ControlWorld, documentFor } from "../testing/control-world.ts";

const a = "a" as ServiceName;

async function worldWith(t: TestContext, count: number, metadata: object = {}): Promise<ControlWorld> {
  const world = new ControlWorld();
  world.begin();
  t.after(async () => {
    await world.stop();
    await world.clock.advance(60_000);
    assert.equal(world.clock.timerCount, 0, "a timer is left over");
  });
  await world.control.createService(documentFor("a", { count, ...metadata }));
  await world.untilRunning("a");
  return world;
}

const update = (world: ControlWorld, cpu: number) =>
  world.control.updateService(a, { metadata: { cpu } }, "merge");

/** How many living instances there are of each version. */
function versions(world: ControlWorld): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const id of world.alive("a").keys()) {
    const version = /-(v\d+)/.exec(id)![1]!;
    counts[version] = (counts[version] ?? 0) + 1;
  }
  return counts;
}

test("a partition keeps its part at the version before, over crashes, scaling and a restart of the control process", async (t) => {
  const world = await worldWith(t, 4);
  const half = { kind: "percent", percent: 50 } as const;
  await world.control.createRollout({ name: a, change: { partition: half } });
  await update(world, 2);
  await world.untilRunning("a");
  await world.clock.advance(5_000);
  assert.deepEqual(versions(world), { v1: 2, v2: 2 });
  for (const id of [...world.alive("a").keys()]) world.runtime.kill(id);
  await world.clock.advance(5_000);
  assert.deepEqual(versions(world), { v1: 2, v2: 2 });
  await world.control.scaleService(a, 6, []);
  await world.untilRunning("a");
  assert.deepEqual(versions(world), { v1: 3, v2: 3 });
  world.kill();
  world.begin();
  await world.clock.advance(20_000);
  assert.deepEqual(versions(world), { v1: 3, v2: 3 });
  await world.control.updateRollout({ name: a, change: { partition: OPEN_RULE.partition } });
  await world.until("all are updated", () => versions(world).v2 === 6);
  await world.until("the update is over", () => world.store.state.services.get(a)!.updatingFrom === null);
});

test("an update that starts paused begins nothing; it goes on in batches, which outlive the control process", async (t) => {
  const world = await worldWith(t, 3);
  const batch = { size: { kind: "count", count: 1 }, intervalMs: 60_000 } as const;
  await world.control.createRollout({ name: a, change: { isPaused: true, batch } });
  await update(world, 2);
  await world.clock.advance(30_000);
  assert.deepEqual(versions(world), { v1: 3 });
  assert.equal(world.status("a")!.rollout!.phase, "Paused");
  await world.control.updateRollout({ name: a, change: { isPaused: false } });
  await world.until("the first batch", () => versions(world).v2 === 1 && versions(world).v1 === 2);
  await world.until("it is ready", () => world.status("a")!.rollout!.nextBatchAtMs !== null);
  const nextAtMs = world.status("a")!.rollout!.nextBatchAtMs!;
  assert.ok(nextAtMs > world.clock.now() + 50_000);
  world.kill();
  world.begin();
  await world.clock.advance(40_000);
  assert.deepEqual(versions(world), { v1: 2, v2: 1 });
  await world.clock.advance(25_000);
  assert.deepEqual(versions(world), { v1: 1, v2: 2 });
  await world.clock.advance(70_000);
  assert.deepEqual(versions(world), { v2: 3 });
});

test("pause on the way: what was begun is finished, no more; off: it comes to its end", async (t) => {
  const world = await worldWith(t, 6);
  await update(world, 2);
  await world.until("some are updated", () => (versions(world).v2 ?? 0) >= 2);
  await world.control.updateRollout({ name: a, change: { isPaused: true } });
  await world.untilRunning("a");
  const reached = versions(world);
  await world.clock.advance(300_000);
  assert.deepEqual(versions(world), reached);
  assert.ok(reached.v1! > 0 && reached.v1! + reached.v2! === 6);
  await world.control.deleteRollout(a);
  await world.until("all are updated", () => versions(world).v2 === 6);
});

test("back to the version before while an update goes on: what still runs of it is taken back", async (t) => {
  const world = await worldWith(t, 4);
  await world.control.restartService(a);
  await world.untilRunning("a");
  const before = [...world.alive("a")].filter(([id]) => id.includes("-v1.1-"));
  await world.control.createRollout({ name: a, change: { partition: { kind: "count", count: 2 } } });
  await update(world, 2);
  await world.clock.advance(5_000);
  const record = await world.control.switchVersion(a, 1);
  assert.deepEqual([record.version, record.epoch, record.updatingFrom], [1, 1, null]);
  await world.untilRunning("a");
  const after = world.alive("a");
  const kept = before.filter(([id, pid]) => after.get(id) === pid);
  assert.equal(kept.length, 2, "the two that were held back are the same processes");
  assert.deepEqual(versions(world), { v1: 4 });
});

test("back to a version whose files are gone is refused, and nothing was stopped", async (t) => {
  const world = await worldWith(t, 2);
  await world.control.updateService(a, { processor_path: "/q" }, "merge");
  await world.untilRunning("a");
  world.files.broken.set("/p", { message: "/p does not exist", isRetriable: false });
  const pids = [...world.alive("a")];
  await assert.rejects(world.control.switchVersion(a, 1), {
    code: "VERSION_NOT_RUNNABLE",
    message: "version 1 of service a cannot be run: /p, or its file app.py, is gone",
  });
  assert.deepEqual(
    [...(await world.control.runnableVersions(a))].map(([v, r]) => [v, r.kind]),
    [
      [1, "false"],
      [2, "true"],
    ],
  );
  await world.clock.advance(30_000);
  assert.deepEqual([...world.alive("a")], pids);
  world.files.broken.clear();
  assert.equal((await world.control.switchVersion(a, 1)).version, 1);
});

test("instances of several services share the node's room; what did not fit starts when another goes", async (t) => {
  const world = await worldWith(t, 2);
  world.capacity = { cpu: 3, memoryMb: 100_000 };
  await world.control.createService(documentFor("b", { count: 2 }));
  await world.until("b says what it lacks", () => world.status("b")?.reason === "NO_ROOM");
  assert.equal(world.status("b")!.phase, "Waiting");
  assert.equal(world.alive("b").size, 1);
  await world.control.scaleService(a, 1, []);
  const tookMs = await world.until("b has room", () => world.alive("b").size === 2);
  assert.ok(tookMs < 5_000, "it is woken, and does not wait for its period");
});

test("a plan shows what an update would do, and changes nothing", async (t) => {
  const world = await worldWith(t, 4, { rolling_strategy: { max_surge: 2, max_unavailable: 1 } });
  const writes = world.store.writeCount;
  const plan = await world.control.previewUpdate(a, { metadata: { cpu: 2 }, token: "t" }, "merge");
  assert.deepEqual([plan.kind, plan.version], ["new-version", 2]);
  assert.deepEqual(plan.differences, [
    { path: "$.metadata.cpu", from: null, to: "2" },
    { path: "$.token", from: null, to: '"***"' },
  ]);
  assert.match(
    plan.steps.join("\n"),
    /4 instances are replaced, 3 at a time: at most 2 more than 4 alive, at most 1 fewer/,
  );
  const scale = await world.control.previewUpdate(a, { metadata: { instance: 9 } }, "merge");
  assert.deepEqual([scale.kind, scale.steps], ["scale", ["5 more instances are started"]]);
  assert.equal((await world.control.previewUpdate(a, { labels: { x: "y" } }, "merge")).kind, "in-place");
  assert.equal((await world.control.previewUpdate(a, {}, "merge")).kind, "nothing");
  await assert.rejects(
    world.control.previewUpdate(a, { metadata: { group: "g" } }, "merge"),
    /cannot change/,
  );
  assert.equal(world.store.writeCount, writes);
});
