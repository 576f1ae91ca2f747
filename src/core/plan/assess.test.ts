import assert from "node:assert/strict";
import test from "node:test";
import { PlanWorld } from "../../testing/plan-world.ts";
import type { InstanceId } from "../names.ts";
import type { InstanceExit } from "../service.ts";
import { exitText } from "./assess.ts";
import { BACKOFF_MAX_MS, backoffMs } from "./backoff.ts";
import { planInstances } from "./instances.ts";

const first = "a-v1-0" as InstanceId;

function settled(): PlanWorld {
  const world = new PlanWorld();
  world.settle();
  return world;
}

const statusOf = (world: PlanWorld, id = first) => world.status!.instances.find((i) => i.id === id)!;

test("the backoff is 1 s, doubles, and ends at 60 s", () => {
  const waits = [1, 2, 3, 6, 7, 8, 1000].map(backoffMs);
  assert.deepEqual(waits, [1_000, 2_000, 4_000, 32_000, 60_000, 60_000, 60_000]);
});

test("a crash is counted and told once, and the instance is started again when its backoff is over", () => {
  const world = settled();
  world.crash(first);
  const plan = world.plan();
  assert.deepEqual(plan.actions, []);
  assert.equal(plan.recheckAtMs, world.nowMs + 1_000);
  assert.equal(statusOf(world).failuresInARow, 1);
  assert.deepEqual(
    plan.events.map((e) => e.reason),
    ["InstanceCrashed"],
  );
  assert.deepEqual(world.plan().events, []);
  assert.equal(statusOf(world).failuresInARow, 1);
  world.nowMs += 1_000;
  assert.equal(world.plan().actions[0]!.kind, "start");
  assert.equal(statusOf(world).restarts, 1);
});

test("failures in a row make the wait longer; a minute of readiness ends the row", () => {
  const world = settled();
  const crashAfter = (readyMs: number) => {
    world.nowMs += BACKOFF_MAX_MS;
    world.plan();
    world.finishLoading();
    world.plan();
    world.nowMs += readyMs;
    world.crash(first);
    world.plan();
    return statusOf(world).backoffUntilMs! - world.nowMs;
  };
  assert.deepEqual([crashAfter(0), crashAfter(0), crashAfter(0)], [1_000, 2_000, 4_000]);
  assert.equal(crashAfter(59_000), 8_000);
  assert.equal(crashAfter(60_000), 1_000);
});

test("a clock that went back makes no wait longer than the longest", () => {
  const world = settled();
  world.crash(first);
  world.plan();
  world.nowMs -= 3_600_000;
  world.plan();
  assert.ok(statusOf(world).backoffUntilMs! <= world.nowMs + BACKOFF_MAX_MS);
});

test("an instance that ends as it was told to is no crash", () => {
  const world = settled();
  world.spec = { ...world.spec, instanceCount: 1 };
  world.record = { ...world.record!, generation: 2 };
  world.plan();
  world.publish(true);
  world.plan();
  world.crash("a-v1-1" as InstanceId); // its process is gone, the stop is not over yet
  const { events, actions } = world.plan();
  assert.deepEqual([events, actions], [[], []]);
  world.finishStops();
  assert.deepEqual(
    world.plan().events.map((e) => e.reason),
    ["InstanceStopped", "Running"],
  );
});

test("one that loads for ever stays Waiting, is never routed, and tells for how long, by the minute", () => {
  const world = new PlanWorld();
  world.plan();
  world.nowMs += 10_000;
  world.plan();
  assert.equal(world.status!.phase, "Waiting");
  assert.equal(statusOf(world).message, "loading");
  world.nowMs += 180_000;
  const { recheckAtMs, status } = world.plan();
  assert.equal(statusOf(world).message, "loading for 3 min");
  assert.equal(recheckAtMs, world.nowMs + 50_000);
  assert.deepEqual(status!.serving, []);
  assert.match(status!.message, /0 of 2 instances are ready; a-v1-0: loading for 3 min/);
});

test("a start that fails is tried again with the same backoff", () => {
  const world = new PlanWorld();
  world.plan();
  world.engines.clear();
  world.failedStarts.set(first, "no process could be made");
  world.plan();
  const status = statusOf(world);
  assert.equal(status.lastExit!.reason, "StartFailed");
  assert.equal(status.backoffUntilMs, world.nowMs + 1_000);
});

test("a worker that its engine started again is told, and counts as a restart for people", () => {
  const world = settled();
  world.engines.get(first)!.workerRestarts = 2;
  assert.deepEqual(
    world.plan().events.map((e) => `${e.type} ${e.reason}`),
    ["Warning WorkerRestarted"],
  );
  assert.equal(statusOf(world).workerRestarts, 2);
  assert.deepEqual(world.plan().events, []);
  world.crash(first);
  world.plan();
  world.nowMs += 1_000;
  world.plan();
  assert.equal(statusOf(world).restarts, 3);
  assert.equal(statusOf(world).workerRestarts, 0);
});

test("a failing readiness check takes an instance out of the traffic, and it comes back; nothing is started", () => {
  const world = settled();
  world.turnUnready(first);
  const plan = world.plan();
  assert.deepEqual(plan.actions, []);
  assert.deepEqual(plan.status!.serving, ["a-v1-1"]);
  const { phase, reason, isReady } = statusOf(world);
  assert.deepEqual([phase, reason, isReady], ["Running", "NotReady", false]);
  assert.deepEqual(
    plan.events.map((e) => `${e.type} ${e.reason}`),
    ["Warning InstanceNotReady"],
  );
  assert.equal(world.status!.phase, "Waiting");
  world.finishLoading();
  const { status, events } = world.plan();
  assert.equal(status!.serving.length, 2);
  assert.deepEqual(
    events.map((e) => e.reason),
    ["InstanceReady", "Running"],
  );
});

test("what was ready for a minute and is then given up by its checks begins its backoff anew", () => {
  const world = settled();
  for (const readyMs of [0, 0, 60_000]) {
    world.nowMs += readyMs;
    world.turnUnready(first);
    world.plan();
    world.crash(first);
    world.plan();
    if (readyMs > 0) break;
    world.nowMs += BACKOFF_MAX_MS;
    world.plan();
    world.finishLoading();
    world.plan();
  }
  assert.equal(statusOf(world).failuresInARow, 1);
});

test("a crash that is kept for inspection: not started, not in traffic, shown; it leaves by a restart", () => {
  const world = settled();
  world.spec = { ...world.spec, isCrashBlocked: true };
  world.crash(first);
  for (let i = 0; i < 3; i++) {
    const { actions, status } = world.plan();
    assert.deepEqual(actions, []);
    assert.deepEqual(status!.serving, ["a-v1-1"]);
    assert.equal(
      statusOf(world).message,
      "exited with code 1; kept for inspection: delete it, restart the service or update it",
    );
    world.nowMs += 3 * BACKOFF_MAX_MS;
  }
  assert.ok(world.engines.has(first), "its folder stays");
  world.record = { ...world.record!, epoch: 1, generation: 2 };
  world.settle();
  assert.ok(!world.engines.has(first));
  assert.equal(world.status!.serving.length, 2);
});

test("a crash that is kept leaves when it is deleted, and when the block is lifted it is started again", () => {
  for (const isLifted of [true, false]) {
    const world = settled();
    world.spec = { ...world.spec, isCrashBlocked: true };
    world.crash(first);
    world.plan();
    world.nowMs += BACKOFF_MAX_MS;
    if (isLifted) world.spec = { ...world.spec, isCrashBlocked: false };
    else world.record = { ...world.record!, retiredSlots: [0], generation: 2 };
    world.settle();
    assert.equal(world.engines.has(first), isLifted);
    assert.equal(world.status!.serving.length, 2);
  }
});

test("one that warms up says at which request it is; one that is gone meanwhile has failed", () => {
  const world = new PlanWorld();
  world.plan();
  const input = world.input();
  const warmUp = { at: 3, of: 10 };
  const observed = input.observed.map((o) => ({ ...o, state: { ...o.state!, warmUp } }));
  world.status = planInstances({ ...input, observed }).status;
  const { phase, isReady, reason, message } = statusOf(world);
  const told = ["Creating", false, "WarmingUp", "warming up: request 3 of 10"];
  assert.deepEqual([phase, isReady, reason, message], told);
  assert.match(world.status!.message, /a-v1-0: warming up: request 3 of 10/);
  world.status = planInstances({ ...world.input(), observed: [] }).status;
  assert.deepEqual([statusOf(world).phase, statusOf(world).reason], ["Failed", "Lost"]);
});

test("how one failed is known before its end, at its end, and when it is gone; it is one failure", () => {
  const exit: InstanceExit = {
    code: 1,
    signal: null,
    reason: "OOMKilled",
    message: "the processor worker was ended by SIGKILL, out of memory",
    startedAtMs: 1_000_000,
    finishedAtMs: 1_000_500,
    lastLines: ["MemoryError"],
  };
  // Its engine lives a little longer, and may have written down how it failed by then, or not.
  for (const seen of [[exit], [null], [exit, exit], [null, exit]]) {
    const world = new PlanWorld();
    world.plan();
    const { spec } = world.engines.get(first)!;
    for (const [at, exit] of seen.entries()) {
      const isAlive = at === 0;
      const workers = { workersReady: 0, workersTotal: 1, workerRestarts: 0, updatedAtMs: 1 };
      const state = { phase: "failed", message: "so it was said", port: null, ...workers } as const;
      const own = { spec, isAlive, pid: isAlive ? 7 : null, startedAtMs: 1_000_000, state, exit };
      const others = world.input().observed.filter((o) => o.spec.id !== first);
      world.status = planInstances({ ...world.input(), observed: [own, ...others] }).status;
    }
    const gone = planInstances({ ...world.input(), observed: [] }).status;
    for (const status of [world.status, gone]) {
      const { failuresInARow, reason, message, lastExit } = status!.instances.find((i) => i.id === first)!;
      assert.equal(failuresInARow, 1);
      if (seen.at(-1) === null) {
        assert.deepEqual([reason, message], ["Error", "Error: so it was said"]);
        continue;
      }
      assert.equal(reason, "OOMKilled");
      assert.match(message, /^out of memory, exited with code 1: the processor/);
      assert.deepEqual(lastExit, exit);
    }
  }
});

test("one that lacked room after a crash lacks it no longer when it waits for something else", () => {
  const world = settled();
  const { limits } = world.engines.get(first)!.spec;
  world.capacity = { cpu: limits.cpu, memoryMb: limits.memoryMb };
  world.crash(first);
  world.nowMs += BACKOFF_MAX_MS;
  world.plan();
  world.nowMs += BACKOFF_MAX_MS;
  world.plan();
  assert.deepEqual([statusOf(world).phase, statusOf(world).reason], ["Failed", "NoRoom"]);
  world.capacity = null;
  world.files = { kind: "fetching", progress: [] };
  world.plan();
  const { phase, reason, message } = statusOf(world);
  assert.deepEqual([phase, reason, message], ["Failed", "Error", "exited with code 1"]);
  assert.notEqual(world.status!.reason, "NO_ROOM");
});

test("memory that grows is told once, and while it goes on it stands beside the instance", () => {
  const world = settled();
  const growth = { bytesPerThousand: 3 * 2 ** 20, fullInMs: 7_200_000, limitBytes: 1000 * 2 ** 20 };
  world.engines.get(first)!.said = { note: "A pickle runs code", memory: { bytes: 5e8, growth } };
  const [event, ...others] = world.plan().events;
  assert.deepEqual([event!.type, event!.reason, others], ["Warning", "MemoryGrowing", []]);
  assert.match(event!.message, /: It serves, and its memory grows by 3 MB per 1,000 requests; at this rate /);
  assert.match(statusOf(world).message, /^A pickle runs code\. It serves, and its memory grows by 3 MB /);
  world.engines.get(first)!.said = { memory: { bytes: 6e8, growth: { ...growth, fullInMs: 3_600_000 } } };
  assert.deepEqual(world.plan().events, []);
  world.engines.get(first)!.said = { memory: { bytes: 6e8 } };
  assert.deepEqual(world.plan().events, []);
  assert.deepEqual([statusOf(world).message, statusOf(world).memory], ["", { bytes: 6e8 }]);
});

test("how it started is told when it is ready, and nothing of the run before stands when it is started again", () => {
  const world = new PlanWorld();
  world.plan();
  world.finishLoading();
  world.engines.get(first)!.said = { stages: [{ name: "load", ms: 410 }], memory: { bytes: 1 } };
  const ready = world.plan().events.find((e) => e.reason === "InstanceReady" && e.instance === first);
  assert.match(ready!.message, /: It is ready after 0\.41 s: load 0\.41 s$/);
  world.crash(first);
  world.plan();
  world.nowMs += 1_000;
  world.plan();
  world.plan();
  assert.deepEqual([statusOf(world).stages, statusOf(world).memory], [null, null]);
});

test("why one could not be started is said without the exit code of its engine", () => {
  const exit = { code: 1, signal: null, startedAtMs: 1, finishedAtMs: 2 };
  const message = "m.json is no model of XGBoost: it is a zip archive";
  assert.equal(exitText({ ...exit, reason: "StartFailed", message }), message);
  assert.equal(exitText({ ...exit, reason: "WarmUpFailed", message }), message);
  assert.equal(exitText({ ...exit, reason: "Error", message }), `exited with code 1: ${message}`);
  assert.equal(exitText({ ...exit, reason: "StartFailed", message: "" }), "exited with code 1");
});
