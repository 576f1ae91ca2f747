import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ServingError } from "../errors.ts";
import { parseJson } from "./parse-json.ts";
import { findJsonFault } from "./scan-json.ts";

function detailOf(text: string): string {
  try {
    parseJson(text);
  } catch (error) {
    assert.ok(error instanceof ServingError, String(error));
    assert.equal(error.code, "INVALID_JSON");
    return (error as ServingError<"INVALID_JSON">).facts.detail;
  }
  return assert.fail(`accepted: ${text}`);
}

const BAD: readonly (readonly [text: string, detail: RegExp])[] = [
  ["", /^line 1, column 1: found the end of the text, expected a JSON value$/],
  ["{", /^line 1, column 2: found the end of the text, expected a name in double quotes$/],
  ['{\n  "a": 1,\n}', /^line 2, column 9: found ",", expected the end of the object/],
  ["[1, 2,]", /^line 1, column 6: found ",", expected the end of the list/],
  ['{"a": 1 "b": 2}', /^line 1, column 9: .*expected "," or "}"/],
  ['{"a" 1}', /column 6: found "1", expected ":" after the name "a"/],
  ['{"a": }', /column 7: found "}", expected a value for "a"/],
  ["{a: 1}", /column 2: found "a", expected a name in double quotes/],
  ["{'a': 1}", /single quote/],
  ['{"a": yes}', /a text stands in double quotes/],
  ['{"a": True}', /found True, expected true/],
  ['{"a": None}', /found None, expected null/],
  ['{"a": 01}', /column 8: found "1"/],
  ['{"a": .5}', /found "\."/],
  ['{"a": +1}', /found "\+"/],
  ['{"a": NaN}', /found "N"/],
  ['{"a": "b\n"}', /no line ends/],
  ['{"a": "\\x"}', /expected an escape/],
  ['{"a": "\\u12g4"}', /expected an escape/],
  ['{"a": "b}', /column 7: this string has no closing double quote/],
  ['{"a": 1} x', /expected the end/],
  ['{"a": 1}}', /expected the end/],
  ["// service\n{}", /a comment/],
  ['{"é💡": 1,\n "💡": tru}', /^line 2, column 7: /],
  ['{"a": 1, "b": {"c": 1, "c": 2}}', /column 24: the name "c" is given twice/],
  ['{"a": 1, "\\u0061": 2}', /column 10: the name "a" is given twice/],
  [`${"[".repeat(100_000)}`, /column 201: nested deeper than 200 levels/],
  ["<html>", /found "<"/],
];

for (const [text, detail] of BAD) {
  test(`not JSON: ${JSON.stringify(text.slice(0, 30))}`, () => assert.match(detailOf(text), detail));
}

test("a byte order mark is let through", () => assert.deepEqual(parseJson('\uFEFF{"a": 1}'), { a: 1 }));

test("one name in two objects is no repetition", () => {
  assert.deepEqual(parseJson('[{"a": 1}, {"a": {"a": 2}}]'), [{ a: 1 }, { a: { a: 2 } }]);
});

test("__proto__ stays a plain name", () => {
  const value = parseJson('{"__proto__": {"a": 1}}') as object;
  assert.deepEqual(Object.keys(value), ["__proto__"]);
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
});

/** JSON text with a few characters changed, so that it is nearly JSON. */
const nearlyJson = fc
  .tuple(
    fc.json({ maxDepth: 4 }),
    fc.array(fc.tuple(fc.nat(), fc.constantFrom(...'{}[]",:\\ \n0-+.eEtfnu/\u0001\u2028')), { maxLength: 3 }),
  )
  .map(([text, changes]) =>
    changes.reduce((changed, [at, character]) => {
      const place = at % (changed.length + 1);
      return changed.slice(0, place) + character + changed.slice(place + (at % 2));
    }, text),
  );

test("finds a fault exactly where JSON.parse does", () => {
  fc.assert(
    fc.property(nearlyJson, (text) => {
      const fault = findJsonFault(text);
      if (fault?.detail.endsWith("is given twice")) return;
      let isJson = true;
      try {
        JSON.parse(text);
      } catch {
        isJson = false;
      }
      assert.equal(fault === null, isJson, `${JSON.stringify(text)}: ${fault?.detail}`);
      if (fault !== null) assert.ok(fault.offset >= 0 && fault.offset <= text.length);
    }),
    { numRuns: 1000 },
  );
});

test("finds a fault at the place that JSON.parse names, where it names one", () => {
  fc.assert(
    fc.property(nearlyJson, (text) => {
      const fault = findJsonFault(text);
      if (fault === null || /twice|no comma after|closing/.test(fault.detail)) return;
      try {
        JSON.parse(text);
      } catch (error) {
        const position = / at position (\d+)/.exec((error as Error).message)?.[1];
        if (position === undefined) return;
        // A word or an escape is named by its beginning here, and by its first wrong character there.
        assert.ok(Number(position) >= fault.offset, `${JSON.stringify(text)}: ${position} ${fault.offset}`);
        assert.ok(
          Number(position) - fault.offset <= 6,
          `${JSON.stringify(text)}: ${position} ${fault.offset}`,
        );
      }
    }),
    { numRuns: 1000 },
  );
});
