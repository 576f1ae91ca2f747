import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { readLog } from "./log-reader.ts";

const never = new AbortController().signal;
let dir: string;
let log: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "sluice-log-"));
  log = join(dir, "a.log");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `line ${from + i}`);
const textOf = (lines: string[]) => lines.map((l) => `${l}\n`).join("");
const tail = (lines: number) => Array.fromAsync(readLog(log, { lines, isFollowing: false }, never));

test("a log that is not there has no lines", async () => {
  assert.deepEqual(await tail(10), []);
});

test("the last lines, over as many rotated files as it takes", async () => {
  writeFileSync(`${log}.2`, textOf(range(0, 10)));
  writeFileSync(`${log}.1`, textOf(range(10, 20)));
  writeFileSync(log, textOf(range(20, 25)));
  for (const lines of [0, 1, 4, 5, 6, 14, 15, 16, 25])
    assert.deepEqual(await tail(lines), range(25 - lines, 25));
  assert.deepEqual(await tail(1000), range(0, 25));
});

test("an empty newest file, empty lines and an unfinished last line", async () => {
  writeFileSync(`${log}.1`, "one\n\ntwo\n");
  writeFileSync(log, "");
  assert.deepEqual(await tail(2), ["", "two"]);
  writeFileSync(log, "three\nfo");
  assert.deepEqual(await tail(2), ["three", "fo"]);
  assert.deepEqual(await tail(3), ["two", "three", "fo"]);
});

test("long lines and characters over the edges of chunks", async () => {
  const lines = ["ü".repeat(40_000), "x".repeat(65_536), "€".repeat(30_000), "end"];
  writeFileSync(log, textOf(lines));
  const got = await tail(4);
  assert.equal(got.join(""), lines.join(""));
  writeFileSync(log, `${"y".repeat(1_000_000)}\nlast\n`);
  assert.ok(
    (await tail(2)).every((piece) => piece.length <= 2 * 65_536),
    "an endless line comes in pieces",
  );
});

test("a huge log is read from its end", async () => {
  writeFileSync(log, "");
  truncateSync(log, 2 ** 36); // sparse; reading all of it would take minutes
  appendFileSync(log, `\n${textOf(range(0, 3))}`);
  assert.deepEqual(await tail(3), range(0, 3));
});

test("following goes on over rotations, loses nothing, and ends with the signal", async () => {
  writeFileSync(log, textOf(range(0, 3)));
  const stop = new AbortController();
  const bound = AbortSignal.any([stop.signal, AbortSignal.timeout(20_000)]);
  const got: string[] = [];
  for await (const line of readLog(log, { lines: 1, isFollowing: true }, bound)) {
    got.push(line);
    if (line === "line 2") appendFileSync(log, `${textOf(range(3, 5))}li`);
    if (line === "line 4") {
      appendFileSync(log, "ne 5\n");
      renameSync(log, `${log}.1`);
      appendFileSync(log, textOf(range(6, 8)));
      renameSync(`${log}.1`, `${log}.2`);
      renameSync(log, `${log}.1`);
      writeFileSync(log, textOf(range(8, 10)));
    }
    if (line === "line 9") stop.abort();
  }
  assert.deepEqual(got, range(2, 10));
});

test("following a log that is not there yet waits for it", async () => {
  const stop = new AbortController();
  const bound = AbortSignal.any([stop.signal, AbortSignal.timeout(20_000)]);
  setImmediate(() => writeFileSync(log, "first\n"));
  const got: string[] = [];
  for await (const line of readLog(log, { lines: 10, isFollowing: true }, bound)) {
    got.push(line);
    stop.abort();
  }
  assert.deepEqual(got, ["first"]);
});
