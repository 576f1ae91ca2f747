import assert from "node:assert/strict";
import test from "node:test";
import { jsonTexts } from "./json-texts.ts";

const texts = (text: string) => jsonTexts(text).map((t) => [t.text.trim(), t.line]);

test("one text, several, the items of a list: each at its line", () => {
  assert.deepEqual(texts('{"a": 1}'), [['{"a": 1}', 1]]);
  assert.deepEqual(texts('\ufeff{"a": "}{"}\n\n{"b": "\\"]"} {"c": 3}'), [
    ['{"a": "}{"}', 1],
    ['{"b": "\\"]"}', 3],
    ['{"c": 3}', 3],
  ]);
  assert.deepEqual(texts('[\n{"a": [1, {"x": "]"}]},\n  {"b": 2}\n]\n{"c": 3}'), [
    ['{"a": [1, {"x": "]"}]}', 2],
    ['{"b": 2}', 3],
    ['{"c": 3}', 5],
  ]);
  assert.deepEqual(texts(" \n "), []);
  assert.deepEqual(texts("[]"), []);
  assert.deepEqual(texts('[1, "a,]", {"b": 2}, null]'), [
    ["1", 1],
    ['"a,]"', 1],
    ['{"b": 2}', 1],
    ["null", 1],
  ]);
  // Lines are kept by what stands before.
  const [, second] = jsonTexts('{}\n\n{\n"b" x}');
  assert.equal(second!.text, '\n\n{\n"b" x}');
});

test("what is broken comes back as it is, and there is always an end", () => {
  for (const broken of [
    '{"a": 1',
    '[{"a": 1}',
    '{"a',
    "}{",
    "]]",
    "x y",
    '"open',
    '[{"a": 1} {"b": 2}]',
    "{]",
  ]) {
    const found = jsonTexts(broken);
    assert.ok(found.length > 0, broken);
    assert.equal(
      found
        .map((f) => f.text.trim())
        .join("")
        .replaceAll(" ", ""),
      broken.replaceAll(" ", ""),
      broken,
    );
  }
});
