import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonical, choices, dotted } from "../../testing/service-documents.ts";
import { ServingError } from "../errors.ts";
import type { Field } from "./field.ts";
import { isObject } from "./json-value.ts";
import { mergeDocuments } from "./merge.ts";
import { parseSpec } from "./parse.ts";
import { SERVICE_FIELD } from "./schema.ts";
import type { Json, JsonObject } from "./service-spec.ts";
import { type UpdateMode, updatedSpec } from "./updated.ts";

/** RFC 7386 §2, as it stands there. */
function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const result: Record<string, Json> = isObject(target) ? { ...(target as JsonObject) } : {};
  for (const [name, value] of Object.entries(patch as JsonObject)) {
    if (value === null) delete result[name];
    else result[name] = mergePatch(result[name], value);
  }
  return result;
}

const documentOf = (given: JsonObject) => parseSpec(given).document;
const hasNull = (value: Json): boolean =>
  value === null || (typeof value === "object" && Object.values(value as JsonObject).some(hasNull));

test("a merge is that of RFC 7386, in nested and in dotted keys", () => {
  fc.assert(
    fc.property(canonical, canonical, choices, (first, second, isDotted) => {
      const stored = documentOf(first);
      const part = documentOf(second);
      fc.pre(!hasNull(part)); // null inside of values of the user's own is a value here
      const merged = mergeDocuments(stored, part);
      assert.deepEqual(merged, mergePatch(stored, part));
      assert.deepEqual(mergeDocuments(stored, dotted(SERVICE_FIELD, part, isDotted)), merged);
      // Once more is no change.
      assert.deepEqual(mergeDocuments(merged, part), merged);
    }),
    { numRuns: 150 },
  );
});

/** Every field of a document that has a value, as names from the root; lists, and values of the user's own, are one value. */
function leaves(field: Field, value: Json, names: readonly string[]): (readonly string[])[] {
  const { properties, additionalProperties } = field;
  const isOpen = isObject(value) && (properties !== undefined || typeof additionalProperties === "object");
  const entries = isOpen ? Object.entries(value as JsonObject) : [];
  if (entries.length === 0) return [names];
  return entries.flatMap(([name, child]) => leaves(properties?.[name] ?? {}, child, [...names, name]));
}

test("null removes the field it is given for, and nothing else", () => {
  const ofNames = (value: Json): readonly string[] =>
    leaves(SERVICE_FIELD, value, [])
      .map((names) => JSON.stringify(names))
      .toSorted();
  fc.assert(
    fc.property(canonical, fc.nat(), (document, at) => {
      const stored = documentOf(document);
      const own = leaves(SERVICE_FIELD, stored, []);
      const chosen = own[at % own.length]!;
      const patch = chosen.reduceRight((inner: Json, name) => ({ [name]: inner }), null as Json);
      const before = ofNames(stored).filter((names) => names !== JSON.stringify(chosen));
      const after = ofNames(mergeDocuments(stored, patch));
      // A block of which nothing is left stays as an empty one.
      const emptied = after.filter((names) => !before.includes(names));
      assert.deepEqual(
        after.filter((names) => before.includes(names)),
        before,
      );
      assert.ok(emptied.length <= 1 && emptied.every((names) => JSON.parse(names).length < chosen.length));
    }),
    { numRuns: 200 },
  );
});

const stored = documentOf({
  processor_type: "python",
  processor_path: "/code",
  processor_entry: "app.py",
  containers: [{ command: "a" }],
  metadata: { name: "a", instance: 1, gpu: 1 },
  autoscaler: { min: 1, max: 5 },
});

function problems(given: unknown, mode: UpdateMode = "merge"): readonly string[] {
  try {
    updatedSpec(stored, given, mode, parseSpec);
    return [];
  } catch (error) {
    assert.ok(error instanceof ServingError && error.code === "INVALID_SPEC");
    return (error as ServingError<"INVALID_SPEC">).facts.problems.map(({ path }) => path);
  }
}

test("a merge that sets the second of an exclusive pair is refused, unless it takes the first away", () => {
  assert.deepEqual(problems({ "metadata.gpu_memory": 8 }), ["$.metadata.gpu_memory"]);
  assert.deepEqual(problems({ "metadata.gpu_memory": 8, metadata: { gpu: null } }), []);
  assert.deepEqual(problems({ autoscaler: { min: 5 } }), ["$.autoscaler.max"]);
  assert.deepEqual(problems({ autoscaler: { min: 5, max: 6 } }), []);
  // A list is replaced as a whole, so the command that was there is gone.
  assert.deepEqual(problems({ containers: [{ script: "b" }] }), []);
  assert.deepEqual(problems({ containers: [{ script: "b", command: "a" }] }), ["$.containers[0].command"]);
  assert.deepEqual(problems({ processor: "pmml" }), ["$.processor"]);
});

test("what is wrong in the part and in what comes of it is told together", () => {
  const found = problems({
    "metadata.rpc.keepalive": "fast",
    metadta: {},
    autoscaler: { min: 5 },
    "metadata.gpu_memory": 8,
  });
  assert.deepEqual(found.toSorted(), [
    "$.autoscaler.max",
    "$.metadata.gpu_memory",
    "$.metadta",
    '$["metadata.rpc.keepalive"]',
  ]);
});

test("a replacing document is a whole one: with its name, and without fields that nobody knows", () => {
  assert.deepEqual(problems({ metadata: { instance: 1 } }, "replace").toSorted(), [
    "$.metadata.name",
    "$.processor",
  ]);
  assert.deepEqual(
    problems(
      { name: "a", unknown: 1, "metadata.instance": 1, processor: "pmml", model_path: "/m" },
      "replace",
    ),
    ["$.unknown"],
  );
  assert.deepEqual(
    problems({ name: "a", "metadata.instance": 1, processor: "pmml", model_path: "/m" }, "replace"),
    [],
  );
  assert.deepEqual(problems([], "replace"), ["$"]);
  assert.deepEqual(problems(null), ["$"]);
});
