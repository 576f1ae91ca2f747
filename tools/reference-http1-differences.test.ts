import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { DIFFERENCES_FILE, differencesPage } from "./reference-http1-differences.ts";

test("docs/internals/http1-differences.md is what the table of differences says", () => {
  assert.equal(
    readFileSync(DIFFERENCES_FILE, "utf8"),
    differencesPage(),
    "run: node tools/reference-http1-differences.ts",
  );
});
