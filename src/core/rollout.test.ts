import assert from "node:assert/strict";
import { test } from "node:test";
import { intervalText, readInterval, readPart } from "./rollout.ts";

test("intervals are read and written", () => {
  const cases: [string, number | null, string][] = [
    ["5m", 300_000, "5m"],
    ["90s", 90_000, "1m30s"],
    ["1h30m", 5_400_000, "1h30m"],
    ["0", 0, "0s"],
    ["45", 45_000, "45s"],
    ["250ms", 250, "250ms"],
    ["168h", 604_800_000, "168h"],
    ["169h", null, ""],
    ["5 m", null, ""],
    ["-1s", null, ""],
    ["", null, ""],
    ["m", null, ""],
  ];
  for (const [text, ms, written] of cases) {
    assert.equal(readInterval(text), ms, text);
    if (ms !== null) assert.equal(intervalText(ms), written);
  }
});

test("parts are counts or percentages", () => {
  assert.deepEqual(readPart("3"), { kind: "count", count: 3 });
  assert.deepEqual(readPart("50%"), { kind: "percent", percent: 50 });
  for (const text of ["101%", "1.5", "-1", "", "%", "50 %"]) assert.equal(readPart(text), null, text);
});
