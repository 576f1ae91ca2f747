import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { AnswerComparison } from "./compare-answers.ts";
import { parseIgnorePath, pathsBelow } from "./ignore-path.ts";
import type { CompareRule } from "./mirror.ts";

const bytes = (body: string) => new TextEncoder().encode(body);
/** The difference of two bodies, by a rule. */
function difference(a: string, b: string, change: Partial<CompareRule> = {}, statuses = [200, 200]) {
  const rule: CompareRule = { mode: "json", tolerance: 0, ignorePaths: [], sampleCount: 0, ...change };
  const answer = (body: string, status: number) => ({ status, body: bytes(body) });
  return new AnswerComparison(rule).difference(answer(a, statuses[0]!), answer(b, statuses[1]!));
}

test("status: only the codes count", () => {
  assert.equal(difference("a", "b", { mode: "status" }), null);
  assert.equal(difference("a", "a", { mode: "status" }, [200, 500]), "status: 200 and 500");
});

test("exact: every byte counts", () => {
  assert.equal(difference("same", "same", { mode: "exact" }), null);
  assert.equal(difference("same", "sane", { mode: "exact" }), "bodies differ from byte 2 on");
  assert.equal(difference("same", "same!", { mode: "exact" }), "bodies have 4 and 5 bytes");
  assert.equal(difference('{"a": 1}', '{"a":1}', { mode: "exact" }), "bodies differ from byte 5 on");
});

test("json: values count, not how they are written; the first difference is named", () => {
  const cases: [string, string, string | null][] = [
    ['{"a": 1, "b": [true, null]}', '{"b":[true,null],"a":1.0}', null],
    ['{"a": 1}', '{"a": 2}', "$.a: 1 and 2"],
    ['{"a": 1}', '{"a": "1"}', '$.a: 1 and "1"'],
    ["[1, 2]", "[1]", "$: 2 and 1 entries"],
    ['{"a": {}}', '{"a": []}', "$.a: an object and a list"],
    ['{"a": 1}', "{}", "$.a: only the primary's answer has it"],
    ["{}", '{"a b": 1}', `$["a b"]: only the copy's answer has it`],
    ["[null]", "[0]", "$[0]: null and 0"],
    ["not json", "not  json", "bodies differ from byte 4 on"],
    ["{}", "oops", "only the primary's answer is JSON"],
    ["oops", "{}", "only the copy's answer is JSON"],
    ['{"__proto__": 1}', "{}", "$.__proto__: only the primary's answer has it"],
  ];
  for (const [a, b, text] of cases) assert.equal(difference(a, b), text, `${a} ${b}`);
});

test("json: numbers within the tolerance are equal, relative to the larger or to 1", () => {
  const near = { tolerance: 0.01 };
  assert.equal(difference("[100]", "[101]", near), null);
  assert.equal(difference("[100]", "[102]", near), "$[0]: 100 and 102");
  assert.equal(difference("[0]", "[0.01]", near), null);
  assert.equal(difference("[0]", "[0.02]", near), "$[0]: 0 and 0.02");
  assert.equal(difference("[1e308]", "[-1e308]", near), "$[0]: 1e+308 and -1e+308");
});

test("json: ignored paths, and all below them, are not looked at", () => {
  const ignorePaths = ["$.at", "$.rows[*].id", '$["x y"][0]', "$.meta.*"];
  const a = '{"at": 1, "rows": [{"id": 1, "v": 2}], "x y": [1, 2], "meta": {"host": "a"}}';
  const b = '{"rows": [{"id": {"deep": 9}, "v": 2}], "x y": [3, 2], "meta": {"host": "b", "more": 1}}';
  assert.equal(difference(a, b, { ignorePaths }), null);
  assert.equal(difference(a, b.replace('"v": 2', '"v": 3'), { ignorePaths }), "$.rows[0].v: 2 and 3");
});

test("json: nesting has an end", () => {
  const deep = (leaf: string) => "[".repeat(5000) + leaf + "]".repeat(5000);
  assert.match(difference(deep("1"), deep("2"))!, /nested deeper than 100/);
});

test("paths are read, or refused", () => {
  assert.deepEqual(parseIgnorePath('$.a-1["b\\"c"][2][*].*'), ["a-1", 'b"c', 2, null, null]);
  for (const bad of ["", "$", "a", "$a", "$.", "$..a", "$[a]", '$["\\x"]', "$.a ", "$[-1]"])
    assert.equal(parseIgnorePath(bad), null, bad);
  assert.deepEqual(
    pathsBelow(
      [
        ["a", "b"],
        [null, "c"],
      ],
      "a",
    ),
    [["b"], ["c"]],
  );
  assert.equal(pathsBelow([["a"]], "a"), null);
});

test("any JSON equals itself, however it is written, and differs when one number does", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      assert.equal(difference(JSON.stringify(value), JSON.stringify(value, null, 2)), null);
      const [a, b] = [1, 2].map((n) => JSON.stringify({ value, n }));
      assert.equal(difference(a!, b!), "$.n: 1 and 2");
    }),
  );
});
