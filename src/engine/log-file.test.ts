import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { LineCutter, LogFile } from "./log-file.ts";

const NOW = Date.UTC(2026, 10, 21, 21, 25, 6, 123);
const LIMITS = { logFileBytesMax: 1000, logFilesMax: 3, logLineBytesMax: 20 };

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "sluice-log-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test("each line stands behind its time, however the output is cut", (t) => {
  const path = join(folder(t), "log");
  const log = new LogFile(path, LIMITS, () => NOW);
  const lines = new LineCutter(log, LIMITS);
  for (const piece of ["one\ntw", "o", "\n\nthr", "ee"]) lines.push(Buffer.from(piece));
  lines.end();
  log.line("said\nby us");
  log.close();
  const stamp = "2026-11-21T21:25:06.123Z ";
  const expected = ["one", "two", "", "three", "[engine] said by us"].map((line) => `${stamp}${line}\n`);
  assert.equal(readFileSync(path, "utf8"), expected.join(""));
});

test("the last line that says something is the same, however the output is cut", (t) => {
  const text = Buffer.from("first\nwhy it ended\n\n");
  const path = join(folder(t), "log");
  for (let one = 0; one <= text.length; one++) {
    for (let two = one; two <= text.length; two++) {
      const log = new LogFile(path, LIMITS, () => NOW);
      const lines = new LineCutter(log, LIMITS);
      for (const piece of [text.subarray(0, one), text.subarray(one, two), text.subarray(two)])
        lines.push(piece);
      assert.equal(lines.lastLine, "why it ended", `cut at ${one} and ${two}`);
      lines.end();
      log.close();
      assert.equal(lines.lastLine, "why it ended", `cut at ${one} and ${two}`);
    }
  }
});

test("the trace that Node writes behind its last words is logged, and is not taken for them", (t) => {
  const limits = { ...LIMITS, logLineBytesMax: 200 };
  const log = new LogFile(join(folder(t), "log"), limits, () => NOW);
  const lines = new LineCutter(log, limits);
  lines.push(Buffer.from("FATAL ERROR: heap\n----- Native stack trace -----\n\n 1: 0x840e50  [node]\n"));
  lines.push(Buffer.from("12: 0x8410bd node::OOMErrorHandler() [node]\n"));
  assert.equal(lines.lastLine, "FATAL ERROR: heap");
  log.close();
  assert.match(readFileSync(log.path, "utf8"), /OOMErrorHandler/);
});

test("a long line is cut with a mark, also when it comes in pieces; one of just the limit is not", (t) => {
  const path = join(folder(t), "log");
  const log = new LogFile(path, LIMITS, () => NOW);
  const lines = new LineCutter(log, LIMITS);
  lines.push(Buffer.from(`${"a".repeat(20)}\n${"b".repeat(21)}\n${"c".repeat(15)}`));
  for (let i = 0; i < 100; i++) lines.push(Buffer.from("c".repeat(15)));
  lines.push(Buffer.from("\nshort\n"));
  log.close();
  const texts = readFileSync(path, "utf8")
    .split("\n")
    .map((line) => line.slice(25));
  assert.deepEqual(texts, [
    "a".repeat(20),
    `${"b".repeat(20)} … [line cut]`,
    `${"c".repeat(20)} … [line cut]`,
    "short",
    "",
  ]);
});

test("files rotate, the oldest goes, and none is above the limit", (t) => {
  const where = folder(t);
  const log = new LogFile(join(where, "log"), LIMITS, () => NOW);
  for (let i = 0; i < 500; i++) log.line(`line ${i}`);
  log.close();
  assert.deepEqual(readdirSync(where).sort(), ["log", "log.1", "log.2"]);
  for (const name of readdirSync(where))
    assert.ok(statSync(join(where, name)).size <= LIMITS.logFileBytesMax);
  assert.match(readFileSync(join(where, "log"), "utf8"), /line 499\n$/);
});

test("a folder that is not there loses lines, and throws nothing", (t) => {
  const log = new LogFile(join(folder(t), "none", "log"), LIMITS, () => NOW);
  log.line("lost");
  log.close();
});
