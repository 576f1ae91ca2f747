import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pruneLogs } from "./log-pruning.ts";

test("the newest twenty of those that are gone stay, and all that are in use", (t) => {
  const dir = mkdtempSync(join(tmpdir(), "sluice-logs-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  for (let i = 0; i < 30; i++) {
    for (const name of [`a-v${i}-0.log`, `a-v${i}-0.log.1`]) {
      writeFileSync(join(dir, name), "");
      utimesSync(join(dir, name), 1000 + i, 1000 + i);
    }
  }
  pruneLogs(dir, (id) => id === "a-v3-0");
  const kept = new Set(readdirSync(dir).map((name) => Number(/-v(\d+)-/.exec(name)?.[1])));
  assert.deepEqual(
    [...kept].toSorted((a, b) => a - b),
    [3, ...Array.from({ length: 20 }, (_, i) => i + 10)],
  );
  assert.equal(readdirSync(dir).length, 2 * 21);
});
