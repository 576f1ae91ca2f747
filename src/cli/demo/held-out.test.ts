import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { judge, readHeldOut } from "./held-out.ts";

const expected = { probability_0: 0.25, probability_1: 0.75, predicted_diagnosis: 1 };
const verdict = (answer: unknown, status = 200) => judge(status, JSON.stringify(answer), expected);

test("the example's file is read whole: a body to post and what both models should say", () => {
  const path = join(import.meta.dirname, "../../../examples/pmml-canary/held-out.jsonl");
  const rows = readHeldOut(readFileSync(path, "utf8"));
  assert.equal(rows.length, 143);
  for (const row of rows) {
    const [fields] = JSON.parse(row.body);
    assert.equal(Object.keys(fields).length, 30);
    assert.deepEqual(Object.keys(row.expected), ["model1", "model2"]);
  }
});

test("an empty file of rows is refused: a demo that sends nothing proves nothing", () => {
  assert.throws(() => readHeldOut("\n"), /empty/);
});

test("a right answer may be off by rounding, and may write the class as text", () => {
  assert.deepEqual(verdict([expected]), { difference: 0, complaint: null });
  const rounded = verdict([{ ...expected, probability_0: 0.25 + 5e-10, predicted_diagnosis: "1" }]);
  assert.equal(rounded.complaint, null);
  assert.ok(rounded.difference > 4e-10 && rounded.difference < 6e-10);
});

test("a wrong answer is told apart by what is wrong with it", () => {
  assert.match(verdict([{ ...expected, probability_1: 0.75 + 2e-9 }]).complaint ?? "", /instead of/);
  assert.match(verdict([{ ...expected, predicted_diagnosis: 0 }]).complaint ?? "", /instead of/);
  const sure = judge(200, JSON.stringify([{ ...expected, predicted_diagnosis: null }]), {
    ...expected,
    predicted_diagnosis: 0,
  });
  assert.match(sure.complaint ?? "", /instead of/);
  assert.match(verdict([{ probability_0: 0.25, predicted_diagnosis: 1 }]).complaint ?? "", /instead of/);
  assert.match(verdict([{ ...expected, probability_0: "0.25" }]).complaint ?? "", /instead of/);
  assert.match(verdict([]).complaint ?? "", /not an array of one object/);
  assert.match(verdict([null]).complaint ?? "", /not an array of one object/);
  assert.match(verdict([expected], 503).complaint ?? "", /^status 503: \[/);
  assert.match(judge(200, "<html>", expected).complaint ?? "", /not JSON: <html>/);
});
