import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { API_REFERENCE, apiReference } from "./reference-api.ts";
import { CLI_REFERENCE, cliReference } from "./reference-cli.ts";

test("docs/reference/api.md is what the operations table says", () => {
  assert.equal(readFileSync(API_REFERENCE, "utf8"), apiReference(), "run: node tools/reference-api.ts");
});

test("docs/reference/cli.md is what the command line says", () => {
  assert.equal(readFileSync(CLI_REFERENCE, "utf8"), cliReference(), "run: node tools/reference-cli.ts");
});
