import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FIELD_TREE } from "./field-tree.ts";
import { editDistance, nearest, suggestField } from "./suggest.ts";

test("edits are counted: added, left out, changed, swapped letters", () => {
  const cases: readonly (readonly [string, string, number])[] = [
    ["", "", 0],
    ["", "abc", 3],
    ["token", "token", 0],
    ["tokn", "token", 1],
    ["tokken", "token", 1],
    ["tpken", "token", 1],
    ["otken", "token", 1],
    ["kitten", "sitting", 3],
    ["ca", "abc", 3],
  ];
  for (const [a, b, edits] of cases) assert.equal(editDistance(a, b), edits, `${a} ${b}`);
});

test("edits are as many one way as the other, and at most the longer name", () => {
  const word = fc.string({ maxLength: 12, unit: fc.constantFrom("a", "b", "c") });
  fc.assert(
    fc.property(word, word, (a, b) => {
      const edits = editDistance(a, b);
      assert.equal(edits, editDistance(b, a));
      assert.ok(edits >= Math.abs(a.length - b.length) && edits <= Math.max(a.length, b.length));
      assert.equal(edits === 0, a === b);
    }),
  );
});

test("one wrong letter in a name leads to it", () => {
  const names = [...FIELD_TREE.children.keys()].filter((name) => name.length >= 5);
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.nat(), (name, at) => {
      const place = at % name.length;
      const misspelt = `${name.slice(0, place)}Q${name.slice(place + 1)}`;
      const found = nearest(misspelt, names);
      assert.ok(found !== null && found.distance <= 1, misspelt);
    }),
  );
});

test("what is like no name gets no suggestion", () => {
  assert.equal(nearest("zzzzzz", FIELD_TREE.children.keys()), null);
  assert.equal(nearest("x".repeat(100_000), FIELD_TREE.children.keys()), null);
});

test("the same name elsewhere goes before a similar one here; few names are listed", () => {
  const at = (name: string) => FIELD_TREE.children.get(name)!;
  assert.equal(suggestField("keepalive", FIELD_TREE), "a known field; did you mean metadata.rpc.keepalive?");
  assert.equal(
    suggestField("image", FIELD_TREE),
    "a known field; did you mean containers[].image or storage[].image?",
  );
  assert.equal(suggestField("procesor", FIELD_TREE), 'a known field; did you mean "processor"?');
  assert.equal(suggestField("zzzz", at("confidential")), "a known field: trustee_endpoint, decryption_key");
  assert.equal(suggestField("zzzz", at("token")), "nothing below this field");
  assert.match(suggestField("zzzz", FIELD_TREE), /service-json\.md$/);
});
