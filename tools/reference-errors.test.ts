import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { DATA_PATH_REASONS, ERROR_CODES, errorEntry, writtenCode } from "../src/core/errors.ts";
import { ERRORS_FILE, errorReference } from "./reference-errors.ts";

const committed = readFileSync(ERRORS_FILE, "utf8");
const [api, dataPath, ...more] = committed.split(/^## /m).slice(1);

/** First three cells of each row of a section's table. */
function entries(section: string): { name: string; status: number; again: string }[] {
  return [...section.matchAll(/^\| `([A-Za-z_]+)` \| (\d+) \| (yes|no) \|/gm)].map(
    ([, name, status, again]) => ({
      name: name!,
      status: Number(status),
      again: again!,
    }),
  );
}

test("errors.md is what the catalogue says", () => {
  assert.equal(committed, errorReference(), "run: node tools/reference-errors.ts");
});

test("each code of the API stands there exactly once, with its status and whether to try again", () => {
  assert.equal(more.length, 0);
  const expected = ERROR_CODES.map((name) => {
    const { status, isRetriable } = errorEntry(name);
    return { name: writtenCode(name), status, again: isRetriable ? "yes" : "no" };
  });
  assert.deepEqual(entries(api!), expected);
});

test("each reason of the data path stands there exactly once, with its status", () => {
  const listed = entries(dataPath!).map(({ name, status }) => ({ name, status }));
  const expected = Object.entries(DATA_PATH_REASONS).map(([name, { status }]) => ({ name, status }));
  assert.deepEqual(listed, expected);
});

test("no cell is empty or left unfilled", () => {
  for (const line of committed.split("\n").filter((text) => text.startsWith("| `"))) {
    const cells = line.split(/(?<!\\)\|/).slice(1, -1);
    assert.equal(cells.length, 5, line);
    for (const text of cells) assert.ok(text.trim() !== "" && !/undefined|\[object/.test(text), line);
  }
});
