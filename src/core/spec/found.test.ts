import assert from "node:assert/strict";
import { test } from "node:test";
import type { Field } from "./field.ts";
import { describeFound, describeKind } from "./found.ts";

const word: Field = { type: "string" };
const secret: Field = { type: "string", "x-secret": true };

test("plain values are shown where a plain value belongs", () => {
  const cases: readonly (readonly [value: unknown, shown: string])[] = [
    ["abc", '"abc"'],
    ["a\nb", '"a\\nb"'],
    ["x".repeat(60), `"${"x".repeat(60)}"`],
    ["x".repeat(61), `"${"x".repeat(60)}…"`],
    ["", '""'],
    [-1, "-1"],
    [1.5, "1.5"],
    [false, "false"],
    [true, "true"],
    [null, "null"],
    [undefined, "nothing"],
    [[1, 2], "a list of 2"],
    [{ a: 1 }, "an object"],
    [Infinity, "a number too large for JSON readers"],
    [() => 1, "something that is not JSON"],
  ];
  for (const [value, shown] of cases) assert.equal(describeFound(value, word), shown);
});

test("only the kind is shown of a secret, and of what stands where an object or a list belongs", () => {
  for (const field of [secret, { type: "object" }, { type: "array" }] as const satisfies readonly Field[]) {
    assert.equal(describeFound("hidden", field), "a string of 6 characters");
    assert.equal(describeFound(1234, field), "a number");
    assert.equal(describeFound(true, field), "a boolean");
    assert.equal(describeFound(null, field), "null");
    assert.equal(describeFound(["hidden"], field), "a list of 1");
  }
  assert.equal(describeKind(null), "null");
});

test("user, password and query of a URL are not shown", () => {
  const cases: readonly (readonly [value: string, shown: string])[] = [
    ["ftp://host/a", "ftp://host/a"],
    ["ftp://user:pw@host/a", "ftp://***@host/a"],
    ["ftp://user:p/w@host/a", "ftp://***@host/a"],
    ["ftp://host/a?Signature=pw", "ftp://host/a?***"],
    ["ftp://u:pw@host/a?Signature=pw@x", "ftp://***@host/a?***"],
    [`ftp://u:${"pw".repeat(100)}@host`, "ftp://***@host"],
    ["what? no URL", "what? no URL"],
    ["a@b", "a@b"],
  ];
  for (const [value, shown] of cases) assert.equal(describeFound(value, word), JSON.stringify(shown));
});
