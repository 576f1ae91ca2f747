import assert from "node:assert/strict";
import { test } from "node:test";
import { liveTable, tableLines } from "./live-table.ts";

const rows = [
  { member: "pmml_prod", requests: 8000, share: 0.8, p50Ms: 0.614, p99Ms: 12.3, wrong: 0 },
  { member: "pmml_grey", requests: 0, share: 0, p50Ms: null, p99Ms: null, wrong: 0 },
];

function recorder(isTerminal: boolean) {
  const written: string[] = [];
  return { written, isTerminal, write: (text: string) => void written.push(text) };
}

test("names stand left, numbers right, and a member without traffic has no percentiles", () => {
  assert.deepEqual(tableLines(rows), [
    "  member      requests     share   p50 ms   p99 ms   wrong",
    "  pmml_prod       8000   80.00 %     0.61    12.30       0",
    "  pmml_grey          0    0.00 %        -        -       0",
  ]);
});

test("on a terminal each table is drawn over the last", () => {
  const io = recorder(true);
  const table = liveTable(io);
  table.draw(rows);
  table.finish(rows);
  assert.equal(io.written.length, 2);
  assert.ok(io.written[0]?.startsWith("\x1b[2K  member"));
  assert.ok(io.written[1]?.startsWith("\x1b[3A\x1b[2K  member"));
});

test("without a terminal only the last table is written, without escapes", () => {
  const io = recorder(false);
  const table = liveTable(io);
  table.draw(rows);
  table.finish(rows);
  assert.deepEqual(io.written, [`${tableLines(rows).join("\n")}\n`]);
});
