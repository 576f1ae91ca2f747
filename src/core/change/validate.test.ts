import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonical } from "../../testing/service-documents.ts";
import { ServingError } from "../errors.ts";
import type { ServiceName } from "../names.ts";
import type { DesiredState } from "../service.ts";
import { parseSpec } from "../spec/parse.ts";
import { updatedSpec } from "../spec/updated.ts";
import { applyChanges } from "./apply.ts";
import { createService } from "./create.ts";
import { reachOf } from "./reach.ts";
import { updateService } from "./update.ts";
import { type ValidateParts, validateDocument } from "./validate.ts";

const EMPTY: DesiredState = {
  services: new Map(),
  groups: new Map(),
  versions: new Map(),
} as unknown as DesiredState;
const CONTEXT = { nowMs: 1, serviceId: "eas-m-1", serviceToken: "t", groupToken: "g" };
const PARTS: ValidateParts = {
  refuseMissing: () => {},
};
const document = {
  name: "a",
  processor: "pmml",
  model_path: "/m",
  metadata: { instance: 1, group: "g", gpu: 1 },
  cloud: {},
};
const name = "a" as ServiceName;

function withService(given: unknown = document): DesiredState {
  return applyChanges(EMPTY, createService(EMPTY, parseSpec(given), CONTEXT).changes);
}

test("a document by itself: what becomes of each field, and the defaults of those left out", () => {
  const { examined, problems, refusal, isTaken, change } = validateDocument(
    EMPTY,
    { document, update: null },
    PARTS,
  );
  assert.deepEqual([problems, refusal, isTaken, change], [[], null, false, null]);
  assert.equal(examined!.runtime, "ready-made");
  assert.deepEqual(
    examined!.standings.map(({ path, standing }) => [path, standing.kind]),
    [
      ["$.name", "effective"],
      ["$.metadata.instance", "effective"],
      ["$.metadata.group", "effective"],
      ["$.metadata.gpu", "not-effective"],
      ["$.processor", "effective"],
      ["$.model_path", "effective"],
      ["$.cloud", "not-effective"],
    ],
  );
  const defaults = new Map(examined!.defaults.map(({ path, value }) => [path, value]));
  assert.equal(defaults.get("$.metadata.cpu"), 1);
  assert.equal(defaults.get("$.metadata.memory"), 1000);
  assert.equal(defaults.get("$.metadata.rpc.keepalive"), 5000);
  assert.equal(defaults.get("$.metadata.rolling_strategy.max_surge"), "2%");
  assert.equal(defaults.has("$.metadata.rpc.batching"), false, "PMML takes no batches");
  assert.equal(defaults.has("$.metadata.rpc.io_threads"), false, "it does nothing");
  assert.equal(defaults.has("$.token"), false, "a generated one is no default");
});

test("defaults are what the spec has when the field is given with that value", () => {
  fc.assert(
    fc.property(canonical, (given) => {
      const { examined } = validateDocument(EMPTY, { document: given, update: null }, PARTS);
      const outside = examined!.defaults.filter(({ path }) => !path.includes("["));
      const spelled = Object.fromEntries(outside.map(({ path, value }) => [path.slice(2), value]));
      const { isCpuAsked: _, ...spec } = parseSpec({ ...examined!.document, ...spelled }).spec;
      const { isCpuAsked: __, ...before } = examined!.spec;
      assert.deepEqual(spec, before);
    }),
    { numRuns: 100 },
  );
});

test("a name that is taken is told, and is no fault of the document", () => {
  const found = validateDocument(withService(), { document, update: null }, PARTS);
  assert.deepEqual([found.refusal, found.isTaken], [null, true]);
  const asGroup = validateDocument(
    withService(),
    { document: { ...document, name: "g" }, update: null },
    PARTS,
  );
  assert.equal(asGroup.refusal?.code, "INGRESS_TAKEN");
});

test("an update: what it changes, or every fixed field at once", () => {
  const state = withService();
  const check = (given: unknown, mode: "merge" | "replace" = "merge") =>
    validateDocument(state, { document: given, update: { name, mode } }, PARTS);
  assert.equal(check({}).change?.kind, "nothing");
  assert.equal(check({ "metadata.instance": 3 }).change?.kind, "scale");
  assert.equal(check({ "metadata.cpu": 3 }).change?.kind, "new-version");
  assert.equal(check(document, "replace").change?.kind, "nothing");
  const fixed = check({ name: "b", metadata: { group: "h", enable_grpc: false } });
  assert.deepEqual(
    [fixed.refusal?.code, fixed.problems.map(({ path }) => path)],
    ["INVALID_ARGUMENT", ["$.metadata.name", "$.metadata.group"]],
  );
  assert.equal(check({ "metadata.group": null }).refusal?.code, "GROUP_IS_FIXED");
  assert.throws(
    () => validateDocument(EMPTY, { document: {}, update: { name, mode: "merge" } }, PARTS),
    (error) => error instanceof ServingError && error.code === "SERVICE_NOT_FOUND",
  );
});

test("the same update twice is no change, whatever is updated: no version, no generation", () => {
  fc.assert(
    fc.property(canonical, canonical, fc.boolean(), (first, second, isReplacing) => {
      const named = (given: Record<string, unknown>) => ({
        ...given,
        metadata: { ...(given.metadata as object), name: "a", group: null, traffic_state: null },
      });
      const state = withService(named(first));
      const update = (from: DesiredState) => {
        const before = from.services.get(name)!;
        const mode = isReplacing ? "replace" : "merge";
        const after = updatedSpec(before.document, named(second), mode, parseSpec);
        const reach = reachOf(before, after);
        return updateService(from, { name, after, reach }, CONTEXT);
      };
      const request = {
        document: named(second),
        update: { name, mode: isReplacing ? "replace" : "merge" } as const,
      };
      // Two good documents may exclude each other.
      fc.pre(validateDocument(state, request, PARTS).refusal === null);
      const once = applyChanges(state, update(state).changes);
      assert.deepEqual(update(once).changes, []);
    }),
    { numRuns: 60 },
  );
});
