import assert from "node:assert/strict";
import { test } from "node:test";
import { checkAgreement } from "./agreement.ts";
import { FuzzRun } from "./fuzz-run.ts";

/** Each kind runs for this long; `node tools/fuzz-http1.ts` runs for longer. */
const RUN_MS = 1000;

for (const kind of ["request", "response"] as const) {
  test(`fuzz: every law of the codec holds for made-up ${kind}s`, async () => {
    // The seed of a day: each day looks elsewhere, and a failure says the seed.
    const run = new FuzzRun(kind, Math.floor(Date.now() / 86_400_000));
    const giveUpAt = performance.now() + RUN_MS;
    let compared = 0;
    while (performance.now() < giveUpAt) {
      for (let i = 0; i < 1000; i++) {
        const isWhole = run.step();
        if (isWhole && i % 250 === 0 && kind === "request" && (await checkAgreement(run.input))) compared++;
      }
    }
    const { inputs, heads, messages, outcomes } = run.counts;
    assert.ok(inputs >= 10_000 && heads > inputs / 20, `${inputs} inputs, ${heads} accepted`);
    assert.ok(messages > inputs / 40 && outcomes > 500, `${messages} whole, ${outcomes} outcomes`);
    assert.ok(kind === "response" || compared > 5, `${compared} compared with node:http`);
  });
}
