import assert from "node:assert/strict";
import { test } from "node:test";
import { recordOf, specOf } from "../../testing/records.ts";
import { instanceSpecOf } from "../../testing/runtime-conformance.ts";
import { planInstances } from "./instances.ts";
import type { ObservedInstance, PlanInput } from "./plan-input.ts";

const record = recordOf("a", { instanceCount: 2 });
const state = {
  phase: "ready",
  message: "",
  port: 1,
  workersReady: 1,
  workersTotal: 1,
  workerRestarts: 0,
  updatedAtMs: 0,
} as const;
const observed = (slot: number, tokens: readonly string[], isAlive = true): ObservedInstance => ({
  spec: { ...instanceSpecOf("a", slot), tokens },
  isAlive,
  pid: isAlive ? 1 : null,
  startedAtMs: 0,
  state: isAlive ? state : null,
  exit: null,
});

function accessOf(list: readonly ObservedInstance[], more: Partial<PlanInput> = {}, isBodyChecked = true) {
  const files = { kind: "ready", progress: [], processorPath: "/p", modelPath: null } as const;
  const spec = specOf({ name: record.name, instanceCount: 2, isBodyChecked });
  const input: PlanInput = {
    wanted: { record, spec, tokens: ["new", "old"], files },
    observed: list,
    busy: new Map(),
    failedStarts: new Map(),
    previous: null,
    routing: () => "routed",
    nowMs: 1000,
    ...more,
  };
  return planInstances(input).actions.filter((a) => a.kind === "set-access");
}

test("a living instance with other rules is told the wanted ones; others are left alone", () => {
  const access = { tokens: ["new", "old"], isBodyChecked: true };
  assert.deepEqual(accessOf([observed(0, ["old"]), observed(1, ["new", "old"])]), [
    { kind: "set-access", id: "a-v1-0", access },
  ]);
  assert.deepEqual(accessOf([observed(0, ["new", "old"])], {}, false), [
    { kind: "set-access", id: "a-v1-0", access: { ...access, isBodyChecked: false } },
  ]);
  assert.deepEqual(accessOf([observed(0, ["old"], false)]), [], "a dead one gets them with its start");
  assert.deepEqual(
    accessOf([observed(0, ["old"])], { busy: new Map([[observed(0, []).spec.id, "stopping"]]) }),
    [],
  );
  assert.deepEqual(accessOf([observed(0, ["old"])], { wanted: null }), []);
});

test("an older version that leaves is told, too: it may still be called directly", () => {
  const old = { ...observed(0, ["revoked"]) };
  const spec = { ...old.spec, id: "a-v0-0" as typeof old.spec.id, version: 0 };
  assert.deepEqual(
    accessOf([{ ...old, spec }]).map((a) => a.id),
    ["a-v0-0"],
  );
});
