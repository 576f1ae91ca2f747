import assert from "node:assert/strict";
import { test } from "node:test";
import { checkAgreement } from "./agreement.ts";
import { FuzzRun } from "./fuzz-run.ts";

/** Inputs of each kind, about half a second; `node tools/fuzz-http1.ts` makes millions. */
const INPUTS = 100_000;

for (const kind of ["request", "response"] as const) {
  test(`fuzz: every law of the codec holds for made-up ${kind}s`, async () => {
    // The seed of a day: each day looks elsewhere, and a failure says the seed.
    const run = new FuzzRun(kind, Math.floor(Date.now() / 86_400_000));
    let compared = 0;
    for (let i = 0; i < INPUTS; i++) {
      const isWhole = run.step();
      if (isWhole && i % 250 === 0 && kind === "request" && (await checkAgreement(run.input))) compared++;
    }
    const { inputs, heads, messages, outcomes } = run.counts;
    assert.ok(inputs === INPUTS && heads > inputs / 20, `${inputs} inputs, ${heads} accepted`);
    assert.ok(messages > inputs / 40 && outcomes > 500, `${messages} whole, ${outcomes} outcomes`);
    assert.ok(kind === "response" || compared > 5, `${compared} compared with node:http`);
  });
}
