import assert from "node:assert/strict";
import test from "node:test";
import { Coverage } from "./coverage.ts";
import { simulate } from "./simulation.ts";

const LIVES = 250;

test("whatever the simulation says it looks at does occur", async () => {
  const coverage = new Coverage();
  for (let seed = 1; seed <= LIVES; seed++) await simulate(seed, coverage);
  assert.deepEqual(coverage.missing(), [], coverage.lines().join("\n"));
});
