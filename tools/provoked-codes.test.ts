import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { DATA_PATH_REASONS, ERROR_CODES } from "../src/core/errors.ts";

const ROOT = join(import.meta.dirname, "..");

test("every code that Sluice answers with is provoked in a test", () => {
  const files = globSync(["src/**/*.test.ts", "test/**/*.ts", "src/testing/**/*.ts"], { cwd: ROOT });
  const tests = files.map((file) => readFileSync(join(ROOT, file), "utf8")).join("\n");
  const unheard = [...ERROR_CODES, ...Object.keys(DATA_PATH_REASONS)].filter(
    (code) => !new RegExp(`\\b${code}\\b`).test(tests),
  );
  // An error that nobody foresaw cannot be named; src/server/app.test.ts makes one, and looks for its status and its log line.
  assert.deepEqual(unheard, []);
});
