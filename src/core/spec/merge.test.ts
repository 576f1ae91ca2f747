import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ServingError } from "../errors.ts";
import { mergeDocuments } from "./merge.ts";
import { parseSpec } from "./parse.ts";
import type { JsonObject } from "./service-spec.ts";

const stored: JsonObject = parseSpec({
  name: "pmml_prod",
  processor: "pmml",
  model_path: "/a.pmml",
  model_config: { a: { b: 1, c: 2 } },
  labels: { team: "x", stage: "test" },
  cloud: { computing: { instances: [{ type: "a" }, { type: "b" }] } },
  metadata: { instance: 4, cpu: 2, rpc: { keepalive: 100, worker_threads: 2 } },
}).document;

test("objects are merged, everything else is replaced, in any spelling", () => {
  const merged = mergeDocuments(stored, {
    model_path: "/b.pmml",
    "metadata.instance": 2,
    metadata: { "rpc.keepalive": 200, workers: 3 },
    "labels.stage": "prod",
    cloud: { computing: { instances: [{ type: "c" }] } },
    model_config: { a: { b: 7 } },
  });
  assert.deepEqual(merged, {
    ...stored,
    model_path: "/b.pmml",
    model_config: { a: { b: 7, c: 2 } },
    labels: { team: "x", stage: "prod" },
    cloud: { computing: { instances: [{ type: "c" }] } },
    metadata: { name: "pmml_prod", instance: 2, cpu: 2, rpc: { keepalive: 200, worker_threads: 3 } },
  });
});

test("null removes, at any depth and in any spelling", () => {
  const merged = mergeDocuments(stored, {
    cloud: null,
    "labels.team": null,
    "metadata.rpc.keepalive": null,
    "metadata.cpu": null,
    token: null,
  });
  assert.deepEqual(merged, {
    metadata: { name: "pmml_prod", instance: 4, rpc: { worker_threads: 2 } },
    processor: "pmml",
    model_path: "/a.pmml",
    model_config: { a: { b: 1, c: 2 } },
    labels: { stage: "test" },
  });
});

test("null inside of a value of the user's own is a value; for the value itself it removes", () => {
  const config = mergeDocuments(stored, { model_config: { a: { b: null } } }).model_config;
  assert.deepEqual(config, { a: { b: null, c: 2 } });
  assert.equal("model_config" in mergeDocuments(stored, { model_config: null }), false);
});

test("an empty text takes away what could be absent, once it is parsed", () => {
  const merged = mergeDocuments({ ...stored, model_entry: "a" }, { model_entry: "" });
  assert.equal(parseSpec(merged).spec.model.entry, null);
  const typed = { ...stored, processor_type: "python", processor_path: "/a", processor_entry: "a" };
  const untyped = mergeDocuments(typed, { processor_type: "", "metadata.rolling_strategy.max_surge": null });
  assert.equal(parseSpec(untyped).spec.processor.kind, "builtin");
  assert.deepEqual(mergeDocuments({ ...stored, queue: { x: 1, y: 2 } }, { queue: { x: null } }).queue, {
    y: 2,
  });
});

test("a text gives way to an object, and an object to a text", () => {
  const asText = mergeDocuments(stored, { model_config: "text" });
  assert.equal(asText.model_config, "text");
  assert.deepEqual(mergeDocuments(asText, { model_config: { a: 1 } }).model_config, { a: 1 });
});

test("all problems of what is given are told, as it is spelled there", () => {
  assert.throws(
    () =>
      mergeDocuments(stored, { "metadata.instance": -1, metadata: { instnce: 1 }, storage: [{}], token: 5 }),
    (error) => {
      assert.ok(error instanceof ServingError && error.code === "INVALID_SPEC");
      const { problems } = (error as ServingError<"INVALID_SPEC">).facts;
      assert.deepEqual(problems.map((problem) => problem.path).toSorted(), [
        "$.metadata.instnce",
        "$.storage[0].mount_path",
        "$.token",
        '$["metadata.instance"]',
      ]);
      return true;
    },
  );
  assert.throws(() => mergeDocuments(stored, []), ServingError);
  assert.throws(() => mergeDocuments(stored, null), ServingError);
});

test("neither document is changed", () => {
  const [before, given] = [
    structuredClone(stored),
    { labels: { team: "y" }, metadata: { rpc: { keepalive: 7 } } },
  ];
  const givenBefore = structuredClone(given);
  mergeDocuments(stored, given);
  assert.deepEqual(stored, before);
  assert.deepEqual(given, givenBefore);
});

test("merging nothing, or the document itself, changes nothing; merging twice is merging once", () => {
  assert.deepEqual(mergeDocuments(stored, {}), stored);
  assert.deepEqual(mergeDocuments(stored, stored), stored);
  const part = fc.record(
    {
      labels: fc.dictionary(fc.stringMatching(/^[a-c]$/), fc.option(fc.string({ maxLength: 3 }))),
      model_config: fc
        .jsonValue({ maxDepth: 3 })
        .filter((value) => !JSON.stringify(value).includes("__proto__")),
      metadata: fc.record(
        {
          instance: fc.nat(1000),
          cpu: fc.option(fc.integer({ min: 1, max: 8 })),
          rpc: fc.option(fc.record({ keepalive: fc.option(fc.integer({ min: 1, max: 9 })) })),
        },
        { requiredKeys: [] },
      ),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(part, (given) => {
      const once = mergeDocuments(stored, given);
      assert.deepEqual(mergeDocuments(once, given), once);
      parseSpec(once);
    }),
    { numRuns: 150 },
  );
});
