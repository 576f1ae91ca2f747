import assert from "node:assert/strict";
import { test } from "node:test";
import { ServingError } from "../errors.ts";
import { parseSpec, parseStored } from "./parse.ts";

const own = { processor_type: "python", processor_path: "/code", processor_entry: "app.py" };
const metadata = { name: "a", instance: 2 };
const isRefused = (error: unknown) => error instanceof ServingError && error.code === "INVALID_SPEC";

test("a document of an older build stays readable when only what nothing goes by breaks a newer rule", () => {
  const stored = {
    ...own,
    metadata: { ...metadata, gpu_memory: 8, gpu_core_percentage: 500, resource: "mine" },
    autoscaler: { min: 5, max: 1 },
    storage: [{ mount_path: "relative" }],
    networking: { gateway: 5, gateway_policy: { body_digest: "ignore" } },
    containers: [{ image: 5, script: "a", command: "b" }],
  };
  assert.throws(() => parseSpec(stored), isRefused);
  const { spec } = parseStored(stored);
  assert.deepEqual([spec.name, spec.instanceCount, spec.isBodyChecked], ["a", 2, false]);
});

test("what is acted on is read as ever", () => {
  assert.throws(() => parseStored({ ...own, metadata: { ...metadata, cpu: -1 } }), isRefused);
  assert.throws(() => parseStored({ metadata, containers: [{ script: "a", command: "b" }] }), isRefused);
});
