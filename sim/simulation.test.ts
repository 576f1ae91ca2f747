import test from "node:test";
import { simulate } from "./simulation.ts";

/** Longest time that the seeds of one test run take; long runs are made by hand with sim/main.ts. */
const BUDGET_MS = Number(process.env.SLUICE_SIM_MS ?? 1_000);
/** A new range each day, so that test runs see new worlds; a failure prints its seed. */
const FIRST_SEED = Math.floor(Date.now() / 86_400_000) * 10_000;

test("seeded lives of a whole installation keep every law", async (t) => {
  const endAt = performance.now() + BUDGET_MS;
  let seed = 1;
  while (performance.now() < endAt) {
    await simulate(seed);
    await simulate(FIRST_SEED + seed);
    seed += 1;
  }
  t.diagnostic(`${2 * (seed - 1)} lives`);
});
