import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { LAST_LINE_CHARS_MAX, LAST_LINES_MAX, lastLines } from "./log-tail.ts";

const stamp = (ms: number) => new Date(ms).toISOString();

test("the last lines of a run: its own, without times, empty ones and ours; bounded", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-log-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "a.log");
  assert.deepEqual(lastLines(file, 0), [], "no file, no lines");
  const lines = [
    [999, "of the run before"],
    [1000, "[sluice] a is started"],
    [1001, "loading"],
    [1002, ""],
    [1003, "  indented  "],
    [1004, "[engine] worker 0 started"],
  ] as const;
  writeFileSync(file, lines.map(([ms, text]) => `${stamp(ms)} ${text}\n`).join(""));
  assert.deepEqual(lastLines(file, 1000), ["loading", "  indented"]);
  const many = Array.from({ length: 5000 }, (_, i) => `${stamp(2000)} ${i} ${"x".repeat(400)}\n`);
  writeFileSync(file, many.join(""));
  const found = lastLines(file, 1000);
  assert.equal(found.length, LAST_LINES_MAX);
  assert.ok(found.every((line) => line.length === LAST_LINE_CHARS_MAX));
  assert.match(found.at(-1)!, /^4999 x/);
});
