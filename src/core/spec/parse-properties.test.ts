import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import Value from "typebox/value";
import { ServingError } from "../errors.ts";
import { checkDocument } from "./check.ts";
import type { Field } from "./field.ts";
import { FIELD_TREE } from "./field-tree.ts";
import { isObject, isSame } from "./json-value.ts";
import { mergeDocuments } from "./merge.ts";
import { normalize } from "./normalize.ts";
import { parseSpec } from "./parse.ts";
import { SERVICE_FIELD, serviceSchema } from "./schema.ts";
import type { Json, JsonObject } from "./service-spec.ts";

const made = new Map<Field, fc.Arbitrary<Json>>();

/** Values of a field that the schema allows. Made once for each field: making them is most of the work. */
function allowed(field: Field): fc.Arbitrary<Json> {
  const known = made.get(field) ?? makeAllowed(field);
  made.set(field, known);
  return known;
}

function makeAllowed(field: Field): fc.Arbitrary<Json> {
  if (field.anyOf !== undefined) return fc.oneof(...field.anyOf.map(allowed));
  if (field.enum !== undefined) return fc.constantFrom(...field.enum.filter((value) => value !== ""));
  // Nothing above and nothing below the count is refused as a whole: no instance could ever be replaced.
  const isHalt = (value: Json | undefined) => value === 0 || value === "0%";
  if (field.properties?.max_surge !== undefined)
    return block(field).map((v) => (isHalt(v.max_surge) ? { ...v, max_surge: 1 } : v));
  if (field.properties !== undefined) return block(field);
  if (typeof field.additionalProperties === "object") {
    const name = fc.stringMatching(/^[a-z.]{1,5}$/);
    return fc.dictionary(name, allowed(field.additionalProperties), { maxKeys: 4 }) as fc.Arbitrary<Json>;
  }
  if (field.items !== undefined) return fc.array(allowed(field.items), { maxLength: 2 });
  const { minimum = -9, maximum = 99 } = field;
  switch (field.type) {
    case "boolean":
      return fc.boolean();
    case "integer":
      return fc
        .integer({ min: minimum, max: maximum })
        .filter((n) => !(field.not?.enum.includes(n) ?? false));
    case "number":
      return fc.integer({ min: (field.exclusiveMinimum ?? minimum) + 1, max: maximum }).map((n) => n - 0.5);
    case "string":
      if (field.pattern?.endsWith("%$") === true) return fc.nat(100).map((n) => `${n}%`);
      return fc.stringMatching(/^[a-z]{1,8}$/);
    default:
      return jsonValue;
  }
}

/** As it comes out of a store: without −0, which JSON writes as 0. */
const jsonValue = fc
  .jsonValue({ maxDepth: 2 })
  .map((value) => JSON.parse(JSON.stringify(value)) as Json)
  .filter((value) => value !== null && value !== "" && !JSON.stringify(value).includes("__proto__"));

/** Required fields, and few of the others: there are many. */
function block(field: Field): fc.Arbitrary<JsonObject> {
  const entries = Object.entries(field.properties ?? {});
  const some = entries.filter(([name]) => field.required?.includes(name) !== true);
  const fixed = entries.filter(([name]) => field.required?.includes(name) === true);
  return (
    fc
      .subarray(some, { maxLength: Math.min(6, some.length) })
      .chain(
        (chosen) =>
          fc.record(
            Object.fromEntries([...fixed, ...chosen].map(([name, child]) => [name, allowed(child)])),
          ) as fc.Arbitrary<JsonObject>,
      )
      .map((made) => (isLimitless(made, field) ? { ...made, limit: 1 } : made))
      // The engine of a processor of one's own does not speak it.
      .map((made) => (made.enable_grpc === true ? { ...made, enable_grpc: false } : made))
      // With no surge, some may be missing: else no instance could ever be replaced.
      .map((made) => (made.max_surge !== undefined ? { ...made, max_unavailable: 1 } : made))
      .map((made) => (made.policy === "hash" ? { policy: "hash", hash_cookie: "c" } : made))
  );
}

/** A limit that is enabled needs a number; no schema of one field says so. */
function isLimitless(made: JsonObject, field: Field): boolean {
  return made.enable === true && field.properties?.limit !== undefined && made.limit === undefined;
}

/** Nested documents that are accepted: whatever the schema allows, with a processor that this build runs. */
const canonical = block(SERVICE_FIELD).map(
  (document): JsonObject => ({ ...document, ...runnable, processor_type: "python", processor: "mine" }),
);
const runnable = {
  processor_path: "/code",
  processor_entry: "app.py",
  model_path: "/m",
  warm_up_data_path: "/w.txt",
  model_entry: "m.bin",
};

/** Choices, one after the other and round again. */
const choices = fc.array(fc.boolean(), { minLength: 5, maxLength: 40 }).map((list) => {
  let at = 0;
  return () => list[at++ % list.length]!;
});

/** The same document with some blocks and maps written as dotted keys. */
function dotted(field: Field, value: JsonObject, isDotted: () => boolean): JsonObject {
  const result: Record<string, Json> = {};
  for (const [name, child] of Object.entries(value)) {
    const childField = field.properties?.[name] ?? {};
    const isMap = typeof childField.additionalProperties === "object";
    let spelled = child;
    if (childField.properties !== undefined) spelled = dotted(childField, child as JsonObject, isDotted);
    const item = childField.items;
    if (item?.properties !== undefined) {
      spelled = (child as readonly JsonObject[]).map((entry) => dotted(item, entry, isDotted));
    }
    const canOpen = childField.properties !== undefined || isMap;
    if (canOpen && Object.keys(spelled as JsonObject).length > 0 && isDotted()) {
      for (const [below, part] of Object.entries(spelled as JsonObject)) result[`${name}.${below}`] = part;
    } else {
      result[name] = spelled;
    }
  }
  return result;
}

test("nested and dotted spelling of one document parse alike", () => {
  fc.assert(
    fc.property(canonical, choices, (document, isDotted) => {
      const nested = parseSpec(document);
      const respelled = parseSpec(dotted(SERVICE_FIELD, document, isDotted));
      assert.deepEqual(respelled.spec, nested.spec);
      assert.deepEqual(respelled.document, nested.document);
    }),
    { numRuns: 200 },
  );
});

test("every alias is the field that it stands for", () => {
  fc.assert(
    fc.property(canonical, (document) => {
      const { metadata, ...rest } = document as { metadata: Record<string, Json> };
      const { name, rpc, ...others } = metadata as { name: Json; rpc?: JsonObject };
      const moved = { ...rest, name, ...(rpc === undefined ? {} : { rpc }), metadata: others };
      assert.deepEqual(parseSpec(moved).document, parseSpec(document).document);
    }),
    { numRuns: 100 },
  );
});

test("parsing the canonical document again gives the same, and merging it into itself too", () => {
  fc.assert(
    fc.property(canonical, choices, (document, isDotted) => {
      const once = parseSpec(dotted(SERVICE_FIELD, document, isDotted));
      const again = parseSpec(JSON.parse(JSON.stringify(once.document)));
      assert.deepEqual(again.spec, once.spec);
      assert.deepEqual(again.document, once.document);
      assert.deepEqual(mergeDocuments(once.document, document), once.document);
    }),
    { numRuns: 200 },
  );
});

/** The document with one place in it, chosen by `at`, given another value or another name. */
function mutate(value: Json, at: number, fresh: unknown): unknown {
  if (!isObject(value) || Object.keys(value).length === 0) return fresh;
  const names = Object.keys(value);
  const name = names[at % names.length]!;
  const rest = Math.floor(at / names.length);
  if (rest % 5 === 0) return { ...value, [name]: fresh };
  if (rest % 5 === 1) return { ...value, [`${name}.${String(rest)}`]: fresh };
  if (rest % 5 === 2) return { ...value, [name.slice(1)]: fresh };
  return { ...value, [name]: mutate(value[name] as Json, Math.floor(rest / 5), fresh) };
}

/** Anything at all, from JSON values to functions, Maps and objects without prototype. */
const anything = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withNullPrototype: true,
  withObjectString: true,
  withSparseArray: true,
  withTypedArray: true,
});

test("whatever is given, it is accepted or refused as INVALID_SPEC with a path for each problem", () => {
  const broken = fc
    .tuple(canonical, fc.nat(), anything)
    .map(([document, at, fresh]) => mutate(document, at, fresh));
  fc.assert(
    fc.property(fc.oneof(broken, anything), canonical, (document, stored) => {
      for (const act of [() => parseSpec(document), () => mergeDocuments(stored, document)]) {
        try {
          act();
        } catch (error) {
          assert.ok(error instanceof ServingError && error.code === "INVALID_SPEC", String(error));
          const { problems } = (error as ServingError<"INVALID_SPEC">).facts;
          assert.ok(problems.length > 0 && problems.length <= 100);
          for (const { path, found, allowed: text } of problems) {
            assert.ok(path.startsWith("$") && found !== "" && text !== "");
          }
        }
      }
      assert.equal(Object.hasOwn(Object.prototype, "a"), false);
    }),
    { numRuns: 400 },
  );
});

test("several faults put into one document are all told", () => {
  const faults = {
    "metadata.cpu": -1,
    "metadata.instance": 100_000,
    "metadata.name": "A B",
    "labels.a": 1,
    token: "a b",
    procesor: "pmml",
    "metadata.rpc.keepalive": "fast",
    processor_entry: "../a",
  };
  const names = Object.keys(faults) as (keyof typeof faults)[];
  fc.assert(
    fc.property(fc.subarray(names, { minLength: 1 }), (chosen) => {
      const good = { ...runnable, processor_type: "python", "metadata.name": "a", "metadata.instance": 1 };
      const document = { ...good, ...Object.fromEntries(chosen.map((name) => [name, faults[name]])) };
      assert.throws(
        () => parseSpec(document),
        (error) => {
          const { problems } = (error as ServingError<"INVALID_SPEC">).facts;
          const paths = problems.map((problem) => problem.path).toSorted();
          const expected = chosen
            .map((name) => (name.includes(".") ? `$["${name}"]` : `$.${name}`))
            .toSorted();
          assert.deepEqual(paths, expected);
          return true;
        },
      );
    }),
  );
});

test("what passes agrees with the published schema, as TypeBox reads it", () => {
  const broken = fc
    .tuple(canonical, fc.nat(), fc.jsonValue({ maxDepth: 2 }))
    .map(([document, at, fresh]) => mutate(document, at, fresh));
  fc.assert(
    fc.property(fc.oneof(canonical, broken), (document) => {
      const opened = normalize(document);
      const checked = checkDocument(opened, "whole");
      const isFine = opened.problems.length === 0 && checked.problems.length === 0;
      if (isFine) assert.ok(Value.Check(serviceSchema, checked.document));
      // The other way round: what TypeBox takes as it stands is not refused by us.
      const isFineThere = isSame(opened.document, document as Json) && Value.Check(serviceSchema, document);
      if (isFineThere) assert.deepEqual([...opened.problems, ...checked.problems], []);
    }),
    { numRuns: 400 },
  );
});

test("a canonical name leads to its own place", () => {
  const visit = (node: typeof FIELD_TREE, path: readonly string[]) => {
    for (const name of Object.keys(node.field.properties ?? {})) {
      const child = node.children.get(name)!;
      assert.deepEqual(child.path, [...path, name]);
      visit(child, child.path);
    }
  };
  visit(FIELD_TREE, []);
});
