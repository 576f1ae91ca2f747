import assert from "node:assert/strict";
import { test } from "node:test";
import { Tokens } from "./tokens.ts";

test("each of the tokens opens, alone or behind Bearer; nothing else does", () => {
  const tokens = new Tokens({ tokens: ["one", "two words", "Bearer"], isBodyChecked: true });
  for (const good of ["one", "Bearer one", "bEARER  one", "two words", "Bearer two words", "Bearer"]) {
    assert.ok(tokens.opens(good), good);
  }
  for (const bad of ["", "On", "one ", " one", "Basic one", "Bearerone", "two"])
    assert.ok(!tokens.opens(bad), bad);
  assert.ok(!new Tokens({ tokens: [], isBodyChecked: true }).opens(""));
});
