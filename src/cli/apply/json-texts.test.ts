import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
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

test("whatever documents stand in a file, each comes back as it is, at its line", () => {
  const document = fc.dictionary(fc.string(), fc.jsonValue());
  const indented = fc
    .tuple(document, fc.constantFrom(undefined, 2))
    .map(([d, i]) => JSON.stringify(d, null, i));
  fc.assert(
    fc.property(
      fc.array(indented),
      fc.constantFrom("", " ", "\n", "\n\n"),
      fc.boolean(),
      (all, gap, isList) => {
        const text = isList ? `[${gap}${all.join(`,${gap}`)}${gap}]` : all.join(gap);
        const found = jsonTexts(text);
        assert.deepEqual(
          found.map((f) => JSON.parse(f.text)),
          all.map((d) => JSON.parse(d)),
        );
        for (const { text: one, line } of found) assert.equal(/^\n*/.exec(one)![0].length, line - 1);
      },
    ),
  );
});

test("no text makes it hang or throw", () => {
  const characters = fc.constantFrom(
    "{",
    "}",
    "[",
    "]",
    '"',
    "\\",
    ",",
    ":",
    " ",
    "\n",
    "a",
    "1",
    "\u{1f600}",
  );
  fc.assert(
    fc.property(
      fc.array(characters).map((c) => c.join("")),
      (text) => {
        const kept = jsonTexts(text)
          .map((f) => f.text.trim())
          .join("")
          .replaceAll(/[\s,[\]]/g, "");
        assert.equal(kept, text.replaceAll(/[\s,[\]]/g, ""), "nothing is lost but what parts a list");
      },
    ),
  );
});
