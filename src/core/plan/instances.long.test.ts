import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { PlanWorld } from "../../testing/plan-world.ts";
import { desiredOf } from "../../testing/records.ts";
import { deleteInstances } from "../change/delete-instances.ts";
import { keptOrders } from "../change/orders.ts";
import { wantedInstances } from "../change/slots.ts";
import { softRestart } from "../change/soft-restart.ts";
import { updateInstance } from "../change/update-instance.ts";
import { revisionBefore } from "../change/versions.ts";
import { ServingError } from "../errors.ts";
import type { InstanceId } from "../names.ts";
import { readPart } from "../rollout.ts";
import { readAmount } from "../spec/rolling.ts";

/** What may happen between two plans, in any order. */
const happening = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ kind: "plan" } as const) },
  { weight: 3, arbitrary: fc.constant({ kind: "load" } as const) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("publish" as const), isDrained: fc.boolean() }) },
  { weight: 2, arbitrary: fc.constant({ kind: "stops-end" } as const) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("crash" as const), which: fc.nat(8) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("time" as const), ms: fc.integer({ min: -5000, max: 90_000 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("scale" as const), count: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("version" as const), isBroken: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ kind: "restart" } as const) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("retire" as const), slot: fc.nat(3) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("desire" as const), to: fc.constantFrom("running", "stopped") }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("forget" as const), which: fc.nat(8) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("drain-self" as const), which: fc.nat(8) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("unready" as const), which: fc.nat(8) }) },
  { weight: 1, arbitrary: fc.constant({ kind: "control-restart" } as const) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("pace" as const),
      surge: fc.constantFrom(0, 1, 2, "30%"),
      unavailable: fc.constantFrom(0, 1, 2, "50%"),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("rollout" as const),
      partition: fc.constantFrom("0", "1", "50%", "100%"),
      batch: fc.constantFrom(null, "1", "50%"),
      isPaused: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom("isolate", "let-back", "detach", "undetach", "soft-restart"),
      which: fc.nat(8),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "back" } as const) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("room" as const), cpu: fc.constantFrom(null, 2, 3, 4, 5) }),
  },
);
type Happening = typeof happening extends fc.Arbitrary<infer T> ? T : never;

function apply(world: PlanWorld, h: Happening): void {
  const record = world.record!;
  const change = (to: Partial<typeof record>) => {
    world.record = keptOrders({ ...record, ...to, generation: record.generation + 1 });
  };
  const pick = (which: number): InstanceId | undefined => [...world.engines.keys()][which];
  switch (h.kind) {
    case "plan":
      world.plan();
      break;
    case "load":
      world.finishLoading();
      break;
    case "publish":
      world.publish(h.isDrained);
      break;
    case "stops-end":
      world.finishStops();
      break;
    case "crash": {
      const id = pick(h.which);
      if (id !== undefined) world.crash(id);
      break;
    }
    case "time":
      world.nowMs += h.ms;
      break;
    case "scale":
      world.spec = { ...world.spec, instanceCount: h.count };
      change({});
      break;
    case "version": {
      const version = record.latestVersion + 1;
      if (h.isBroken) world.broken.add(version);
      const updatingFrom = revisionBefore(record);
      change({ version, latestVersion: version, epoch: 0, retiredSlots: [], updatingFrom });
      break;
    }
    case "restart": {
      const from = record.updatingFrom;
      const updatingFrom = from ? { ...from, epoch: from.epoch + 1, retiredSlots: [] } : null;
      change({ epoch: record.epoch + 1, retiredSlots: [], updatingFrom });
      break;
    }
    case "back":
      if (record.updatingFrom) change({ ...record.updatingFrom, updatingFrom: null });
      break;
    case "pace": {
      const isNone = h.surge === 0 && h.unavailable === 0; // refused by the spec
      const surge = readAmount(isNone ? 1 : h.surge);
      world.spec = { ...world.spec, rolling: { surge, unavailable: readAmount(h.unavailable) } };
      change({});
      break;
    }
    case "rollout": {
      const batch = h.batch === null ? null : { size: readPart(h.batch)!, intervalMs: 5_000 };
      change({ rollout: { partition: readPart(h.partition)!, batch, isPaused: h.isPaused } });
      break;
    }
    case "isolate":
    case "let-back":
    case "detach":
    case "undetach":
    case "soft-restart":
      order(world, h.kind, pick(h.which));
      break;
    case "room":
      world.capacity = h.cpu === null ? null : { cpu: h.cpu, memoryMb: 100_000 };
      break;
    case "retire":
      if (!record.retiredSlots.includes(h.slot)) change({ retiredSlots: [...record.retiredSlots, h.slot] });
      break;
    case "desire":
      change({ desired: h.to as "running" | "stopped", ...(h.to === "stopped" ? { detached: [] } : {}) });
      break;
    case "forget": {
      const id = pick(h.which);
      if (id !== undefined && !world.busy.has(id)) world.engines.delete(id);
      break;
    }
    case "drain-self": {
      const engine = world.engines.get(pick(h.which) ?? ("" as InstanceId));
      if (engine?.phase === "ready") engine.phase = "draining";
      break;
    }
    case "unready": {
      const id = pick(h.which);
      if (id !== undefined) world.turnUnready(id);
      break;
    }
    case "control-restart":
      world.busy.clear(); // stops under way are forgotten; the engines go on draining
      break;
  }
}

/** As the commands decide it; a refusal changes nothing. */
function order(world: PlanWorld, kind: string, instance: InstanceId | undefined): void {
  const record = world.record!;
  if (instance === undefined) return;
  const state = desiredOf([record]);
  const known = world.status?.instances.map((i) => i.id) ?? [];
  const request = { name: record.name, instance, known, instances: [instance] };
  const context = { nowMs: 0 };
  const given = {
    isolate: () => updateInstance(state, { ...request, orders: { isolate: true } }, context),
    "let-back": () => updateInstance(state, { ...request, orders: { isolate: false } }, context),
    detach: () => updateInstance(state, { ...request, orders: { detach: true } }, context),
    undetach: () => deleteInstances(state, { ...request }, context),
    "soft-restart": () => softRestart(state, { ...request }, context),
  }[kind]!;
  try {
    world.record = given().record;
  } catch (error) {
    assert.ok(error instanceof ServingError);
  }
}

test("from any state: plans keep their promises on the way, converge, and then are empty", () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 60 }), (happenings) => {
      const world = new PlanWorld();
      for (const h of happenings) apply(world, h);
      world.broken.clear();
      world.settle();
      if (world.capacity !== null) {
        tellsWhatBlocksIt(world);
        world.capacity = null;
        world.settle();
      }
      isAsWanted(world);
      // Nothing is held back any more: the update comes to its end.
      world.record = { ...world.record!, rollout: null, generation: world.record!.generation + 1 };
      world.settle();
      isAsWanted(world);
      if (world.record.desired === "running") assert.equal(world.record.updatingFrom ?? null, null);
    }),
    { numRuns: 1500 },
  );
});

/** Either all is as wanted, or the status says what is missing and of what. */
function tellsWhatBlocksIt(world: PlanWorld): void {
  const { phase, reason, message } = world.status!;
  if (phase === "Running" || phase === "Stopped") return;
  assert.equal(reason, "NO_ROOM", `${phase}: ${message}`);
  assert.match(message, /needs .* missing: free room/);
}

/** Exactly the wanted instances are there: of the version in force, and of the one before as far as a rollout holds them back. */
function isAsWanted(world: PlanWorld): void {
  const { count, record, status } = world;
  const updated = status!.rollout?.wantedCount ?? count;
  const isStopped = record!.desired === "stopped";
  const wanted = new Set(wantedInstances(record!, isStopped ? 0 : updated).keys());
  if (!isStopped && record!.updatingFrom) {
    for (const id of wantedInstances({ ...record!, ...record!.updatingFrom }, count - updated).keys())
      wanted.add(id);
  }
  const engines = [...world.engines.values()].filter((e) => !world.isDetached(e.spec.id));
  assert.deepEqual(new Set(engines.map((e) => e.spec.id)), wanted);
  for (const { phase, spec } of engines) {
    assert.equal(phase, "ready");
    assert.equal(
      spec.softRestart ?? 0,
      isStopped ? 0 : Math.max(record!.softRestarts?.[spec.id] ?? 0, spec.softRestart ?? 0),
    );
  }
  const isolated = new Set(record!.isolated);
  const served = new Set([...wanted].filter((id) => !isolated.has(id)));
  assert.deepEqual(new Set(status!.serving), served);
  if (!isStopped && record!.updatingFrom && !record!.rollout?.isPaused)
    assert.equal(updated, world.updatedMax);
  assert.equal(status!.phase, isStopped ? "Stopped" : "Running");
}

test("a new version that never comes up leaves as many old instances in service as there were", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.constantFrom("plan", "load", "publish", "time", "stops-end"), { maxLength: 60 }),
      (count, steps) => {
        const world = new PlanWorld();
        world.spec = { ...world.spec, instanceCount: count };
        world.settle();
        world.broken.add(2);
        world.record = { ...world.record!, version: 2, latestVersion: 2, generation: 2 };
        for (const step of steps) {
          if (step === "plan") world.plan();
          if (step === "load") world.finishLoading();
          if (step === "publish") world.publish(true);
          if (step === "time") world.nowMs += 3_000;
          if (step === "stops-end") world.finishStops();
          assert.equal(world.status!.serving.length, count);
        }
      },
    ),
    { numRuns: 300 },
  );
});

test("nobody owns them: all go, each as soon as gateways have let go of it", () => {
  const world = new PlanWorld();
  world.settle();
  world.record = null;
  assert.deepEqual(world.plan().actions, []);
  world.publish(true);
  assert.equal(world.plan().actions.length, 2);
  world.finishStops();
  assert.equal(world.engines.size, 0);
  assert.equal(world.plan().status, null);
});
