import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import Value from "typebox/value";
import { canonical, choices, dotted, mutate, runnable } from "../../testing/service-documents.ts";
import { ServingError } from "../errors.ts";
import { checkDocument } from "./check.ts";
import { FIELD_TREE } from "./field-tree.ts";
import { isSame } from "./json-value.ts";
import { mergeDocuments } from "./merge.ts";
import { normalize } from "./normalize.ts";
import { parseSpec } from "./parse.ts";
import { SERVICE_FIELD, serviceSchema } from "./schema.ts";
import type { Json, JsonObject } from "./service-spec.ts";

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
