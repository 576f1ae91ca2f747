import assert from "node:assert/strict";
import { test } from "node:test";
import { Tokens } from "./tokens.ts";

test("each of the tokens opens, alone or behind Bearer; nothing else does", () => {
  const tokens = new Tokens({ tokens: ["one", "two words", "Bearer"], isBodyChecked: true });
  for (const good of ["one", "Bearer one", "bEARER  one", "two words", "Bearer two words", "Bearer"]) {
    assert.ok(tokens.opens(good, "service"), good);
  }
  for (const bad of ["", "On", "one ", " one", "Basic one", "Bearerone", "two"])
    assert.ok(!tokens.opens(bad, "service"), bad);
  assert.ok(!new Tokens({ tokens: [], isBodyChecked: true }).opens("", "service"));
});

test("by the group's name, only the group's tokens open", () => {
  const tokens = new Tokens({ tokens: ["own", "group's"], groupTokens: ["group's"], isBodyChecked: true });
  assert.ok(tokens.opens("own", "service") && tokens.opens("group's", "service"));
  assert.ok(tokens.opens("Bearer group's", "group") && !tokens.opens("own", "group"));
  tokens.replace({ tokens: ["own"], isBodyChecked: true });
  assert.ok(!tokens.opens("group's", "group") && !tokens.opens("own", "group"));
});
