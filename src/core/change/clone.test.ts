import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { desiredOf, recordOf, serviceName } from "../../testing/records.ts";
import { ServingError } from "../errors.ts";
import { parseSpec } from "../spec/parse.ts";
import type { JsonObject } from "../spec/service-spec.ts";
import { withAdditions } from "./additions.ts";
import { cloneSpec } from "./clone.ts";
import { changeLabels } from "./labels.ts";

const context = { nowMs: 1000, serviceId: "eas-m-1", serviceToken: "st", groupToken: "gt" };
const name = serviceName("a");
const record = recordOf("a", { instanceCount: 2, token: "of-a" });
const labelled = { ...record, document: { ...record.document, labels: { x: "1", y: "2" } } as JsonObject };
const refuses = (act: () => unknown, code: string) =>
  assert.throws(act, (e) => e instanceof ServingError && e.code === code);

test("a clone differs from its source by name and token only; what is asked for wins", () => {
  const { token: _, ...rest } = labelled.document;
  const clone = cloneSpec(labelled, { name: "b" }, {});
  assert.deepEqual(clone.document, { ...rest, metadata: { ...(rest.metadata as object), name: "b" } });
  assert.equal(clone.spec.token, null);
  const own = cloneSpec(
    labelled,
    { "metadata.name": "b", token: "of-b", "labels.x": "3" },
    { labels: { y: "4" } },
  );
  assert.deepEqual([own.spec.token, own.spec.labels], ["of-b", { x: "3", y: "4" }]);
  for (const given of [{}, { name: "a" }, { metadata: { instance: 3 } }])
    refuses(() => cloneSpec(labelled, given, {}), "INVALID_ARGUMENT");
  for (const given of [null, [], "b", { metadata: { name: null } }, { name: "b", nonsense: 1 }])
    refuses(() => cloneSpec(labelled, given, {}), "INVALID_SPEC");
});

test("what a request adds is in the document; what does nothing stays named as it was spelled", () => {
  const parsed = parseSpec({ ...record.document, "cloud.computing": { instance_type: "x" } });
  assert.equal(parsed.notEffective.length, 1);
  const added = withAdditions(parsed, { labels: { x: "1" }, workspaceId: "7" });
  assert.deepEqual(added.notEffective, parsed.notEffective);
  assert.deepEqual(added.spec.labels, { x: "1" });
  assert.equal((added.document.metadata as JsonObject).workspace_id, "7");
  assert.equal(withAdditions(parsed, {}), parsed);
  assert.equal(withAdditions(parsed, { labels: {} }), parsed);
  assert.equal(withAdditions(added, { workspaceId: "7" }), added);
  refuses(() => withAdditions(added, { workspaceId: "8" }), "INVALID_ARGUMENT");
});

test("labels: set, then removed; the same again is no change; the version stays", () => {
  const change = (set: Record<string, string>, removed: string[]) =>
    changeLabels(desiredOf([labelled]), { name, set, removed }, context);
  const both = change({ y: "3", z: "4" }, ["x", "nobody"]).record;
  assert.deepEqual([both.document.labels, both.version, both.generation], [{ y: "3", z: "4" }, 1, 2]);
  assert.deepEqual(change({ x: "1" }, ["nobody"]).changes, []);
  assert.equal(change({}, ["x", "y"]).record.document.labels, undefined);
  const many = Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`l${i}`, ""]));
  refuses(() => change(many, []), "INVALID_SPEC");
});

test("whatever labels are set, removing them again leaves the document as it was", () => {
  const key = fc.stringMatching(/^[a-z.]{1,8}$/).filter((text) => !["x", "y"].includes(text));
  fc.assert(
    fc.property(fc.dictionary(key, fc.string({ maxLength: 20 }), { maxKeys: 10 }), (set) => {
      const state = desiredOf([labelled]);
      const after = changeLabels(state, { name, set, removed: [] }, context).record;
      const back = changeLabels(
        desiredOf([after]),
        { name, set: {}, removed: Object.keys(set) },
        context,
      ).record;
      assert.deepEqual(back.document, labelled.document);
    }),
  );
});
