import assert from "node:assert/strict";
import test from "node:test";
import { atMost, textTable } from "./outcome.ts";

test("a bar is met, not met, or open when nothing was measured", () => {
  assert.equal(atMost("x", 0.8, 0.85).isMet, true);
  assert.equal(atMost("x", 0.9, 0.85).isMet, false);
  assert.equal(atMost("x", Number.NaN, 0.85).isMet, null);
});

test("a table has a column for every key of any row", () => {
  assert.equal(
    textTable([{ side: "nginx" }, { side: "a", ms: 12 }]),
    "| side  | ms |\n| ----- | -- |\n| nginx |    |\n| a     | 12 |",
  );
});
