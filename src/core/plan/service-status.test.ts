import assert from "node:assert/strict";
import test from "node:test";
import { PlanWorld } from "../../testing/plan-world.ts";
import type { ServiceRecord } from "../service.ts";
import { freshStatus } from "./fresh-status.ts";

function change(world: PlanWorld, to: Partial<ServiceRecord>): void {
  world.record = { ...world.record!, ...to, generation: world.record!.generation + 1 };
}

/** Phases that a world goes through until it has settled, each once in a row. */
function phases(world: PlanWorld): string[] {
  const seen: string[] = [];
  for (let i = 0; i < 30; i++) {
    world.plan();
    if (seen.at(-1) !== world.status!.phase) seen.push(world.status!.phase);
    if (i % 2 === 0) world.finishLoading();
    else world.publish(true);
    world.finishStops();
    world.nowMs += 100;
  }
  return seen;
}

test("the phases of a life", () => {
  const world = new PlanWorld();
  world.files = { kind: "fetching", progress: [] };
  world.plan();
  assert.equal(world.status!.phase, "Creating");
  world.files = { kind: "ready", progress: [], processorPath: "/p", modelPath: null };
  assert.deepEqual(phases(world), ["Waiting", "Running"]);
  world.spec = { ...world.spec, instanceCount: 3 };
  change(world, {});
  assert.deepEqual(phases(world), ["Scaling", "Running"]);
  change(world, { version: 2, latestVersion: 2 });
  assert.deepEqual(phases(world), ["Updating", "Running"]);
  change(world, { epoch: 1 });
  assert.deepEqual(phases(world), ["Updating", "Running"]);
  change(world, { desired: "stopped" });
  assert.deepEqual(phases(world), ["Stopping", "Stopped"]);
  change(world, { desired: "running" });
  assert.deepEqual(phases(world), ["Starting", "Running"]);
  change(world, { token: "new" });
  assert.deepEqual(phases(world), ["Running"]);
  change(world, { desired: "deleted" });
  assert.deepEqual(phases(world), ["Deleting"]);
});

test("a crash makes a running service wait, with who and why", () => {
  const world = new PlanWorld();
  world.settle();
  world.crash(world.status!.serving[0]!);
  world.plan();
  assert.equal(world.status!.phase, "Waiting");
  assert.equal(world.status!.message, "1 of 2 instances are ready; a-v1-0: exited with code 1");
  assert.equal(world.status!.progress.at(-1), "Waiting [Total: 2, Pending: 1, Running: 1]");
  world.settle();
  assert.equal(world.status!.progress.at(-1), "Running [Total: 2, Pending: 0, Running: 2]");
});

test("files that cannot be brought: Failed when only somebody can help, and nothing serves", () => {
  const world = new PlanWorld();
  world.files = { kind: "failed", progress: [], message: "there is no /p", isRetriable: false };
  world.plan();
  const { phase, reason, message } = world.status!;
  assert.deepEqual([phase, reason, message], ["Failed", "FETCH_FAILED", "there is no /p"]);
  world.files = { ...world.files, isRetriable: true };
  world.plan();
  assert.equal(world.status!.phase, "Waiting");

  const serving = new PlanWorld();
  serving.settle();
  serving.files = { kind: "failed", progress: [], message: "there is no /q", isRetriable: false };
  change(serving, { version: 2, latestVersion: 2 });
  serving.plan();
  assert.deepEqual([serving.status!.phase, serving.status!.reason], ["Updating", "FETCH_FAILED"]);
  assert.equal(serving.status!.serving.length, 2);
});

test("progress lines: each step once, counting ones in place, begun anew with each change", () => {
  const world = new PlanWorld();
  const fetching = (percent: number) => {
    world.files = { kind: "fetching", progress: [`Downloading http file [${percent}%]`] };
    world.plan();
  };
  fetching(10);
  fetching(90);
  assert.deepEqual(world.status!.progress, ["Downloading http file [90%]"]);
  const done = ["Downloading http file [100%]", "Successfully downloaded all artifacts"];
  world.files = { kind: "ready", progress: done, processorPath: "/p", modelPath: null };
  world.plan();
  world.finishLoading();
  world.plan();
  assert.deepEqual(world.status!.progress, [
    ...done,
    "Waiting [Total: 2, Pending: 2, Running: 0]",
    "Running [Total: 2, Pending: 0, Running: 2]",
  ]);
  world.spec = { ...world.spec, instanceCount: 3 };
  change(world, {});
  world.plan();
  assert.equal(world.status!.progress.at(-1), "Waiting [Total: 3, Pending: 1, Running: 2]");
});

test("what is shown before the next plan never says Running of what was asked for a moment ago", () => {
  const world = new PlanWorld();
  world.settle();
  const shown = (to: Partial<ServiceRecord>, instances = 2) => {
    const document = { metadata: { name: "a", instance: instances } };
    const record = { ...world.record!, document, ...to, generation: 99 };
    return freshStatus(record, world.status!).phase;
  };
  assert.equal(shown({}), "Running");
  assert.equal(shown({ trafficState: "standalone" }), "Running");
  assert.equal(shown({}, 3), "Scaling");
  assert.equal(shown({ version: 2 }), "Updating");
  assert.equal(shown({ epoch: 1 }), "Updating");
  assert.equal(shown({ desired: "stopped" }), "Stopping");
  assert.equal(shown({ desired: "deleted" }), "Deleting");
  assert.equal(freshStatus(world.record!, undefined).phase, "Creating");
  change(world, { desired: "stopped" });
  world.settle();
  assert.equal(shown({ desired: "stopped" }), "Stopped");
  assert.equal(shown({ desired: "running" }), "Starting");
});

test("what was brought for a version took what it took the first time", () => {
  const world = new PlanWorld();
  const files = { kind: "ready", progress: [], processorPath: "/p", modelPath: null } as const;
  const took = (ms: number) => ({ ...files, stages: [{ name: "environment", ms }] });
  world.files = took(9_000);
  world.settle();
  world.files = took(3); // the control process was started anew, and found it where it is
  world.settle();
  assert.deepEqual(world.status!.prepared, { version: 1, epoch: 0, stages: took(9_000).stages });
  change(world, { version: 2, latestVersion: 2 });
  world.files = { kind: "fetching", progress: [] };
  world.plan();
  assert.equal(world.status!.prepared!.version, 1);
  world.files = took(5_000);
  world.plan();
  assert.deepEqual(world.status!.prepared, { version: 2, epoch: 0, stages: took(5_000).stages });
});
