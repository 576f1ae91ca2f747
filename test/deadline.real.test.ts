/** Until when an answer is waited for, from the real engine to real workers: each language has it on the clock of its own. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Installation, ROOT } from "./harness/installation.ts";

/** Far more than an answer takes on a busy machine, and far less than clocks differ that do not begin at one moment. */
const KEEPALIVE_MS = 30_000;
const sluice = new Installation({ gatewayWorkers: 1 });
before(() => sluice.start());
after(() => sluice.stop());

for (const [language, entry] of [
  ["python", "left.py"],
  ["node", "left.ts"],
] as const) {
  test(`${language}: what is left of rpc.keepalive, by the worker's clock`, async () => {
    await sluice.json("POST", "/api/v2/services", {
      name: `left_${language}`,
      processor_type: language,
      processor_path: join(ROOT, "test", "fixtures", "deadline"),
      processor_entry: entry,
      metadata: { instance: 1, cpu: 1, memory: 256, "rpc.keepalive": KEEPALIVE_MS },
    });
    await sluice.untilRunning(`left_${language}`);
    const token = (await sluice.service(`left_${language}`)).AccessToken;
    for (let asked = 0; asked < 3; asked++) {
      const { status, body } = await sluice.predict(`left_${language}`, "x", token);
      assert.equal(status, 200, body);
      const leftMs = Number(body);
      assert.ok(leftMs > 0 && leftMs <= KEEPALIVE_MS, `${body} ms`);
    }
  });
}
