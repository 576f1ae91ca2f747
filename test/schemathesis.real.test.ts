/**
 * The running server against its own OpenAPI document, by Schemathesis: no 5xx, nothing that the document does not declare, and
 * what it declares wrong is refused. Operations that are added later are in it by themselves. By hand, longer:
 * SLUICE_FUZZ_SEED=7 SLUICE_FUZZ_EXAMPLES=200 node --test test/schemathesis.real.test.ts
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Installation, ROOT } from "./harness/installation.ts";
import { closed, fuzz, schemathesisPython } from "./harness/schemathesis.ts";

const sluice = new Installation({ gatewayWorkers: 1 });
// A fuzzer that asks for 1,000 instances gets room for three; what the packages of its fancy are called is nobody's business.
sluice.flags = ["--capacity-cpu", "3", "--capacity-memory", "1500", "--instance-processes", "64"];
sluice.variables = { PIP_NO_INDEX: "1", UV_OFFLINE: "1" };

before(async () => {
  await sluice.start();
  for (const name of ["hello", "hello_next"]) {
    await sluice.json("POST", "/api/v2/services", {
      metadata: { name, instance: 1, cpu: 0.5, memory: 200, group: "greetings" },
      containers: [{ script: "exec python3 -m http.server $PORT", port: 8000 }],
    });
  }
  await sluice.untilRunning("hello");
  await sluice.untilRunning("hello_next");
});
after(() => sluice.stop());

const document = () => sluice.json("GET", "/openapi.json");

test("the document is OpenAPI 3.1, whole and in every schema of it", async () => {
  const python = schemathesisPython();
  const program = join(ROOT, "test", "fixtures", "schemathesis", "validate.py");
  const input = JSON.stringify(await document());
  assert.equal(execFileSync(python, [program], { input, encoding: "utf8" }), "");
});

test("Schemathesis finds no fault in any operation", async (t) => {
  const seed = Number(process.env.SLUICE_FUZZ_SEED ?? 1);
  const examples = Number(process.env.SLUICE_FUZZ_EXAMPLES ?? 8);
  const only = process.env.SLUICE_FUZZ_ONLY;
  const result = await fuzz(sluice, closed(await document()), {
    seed,
    examples,
    ...(only === undefined ? {} : { only }),
  });
  if (process.env.SLUICE_FUZZ_LIST)
    for (const [name, c] of result.statuses) t.diagnostic(`${name} ${JSON.stringify([...c])}`);
  t.diagnostic(`${result.cases} requests to ${result.statuses.size} operations`);
  assert.equal(result.code, 0, result.output);
  const all = [...result.statuses.values()].flatMap((one) => [...one.keys()]);
  // 501 says that an operation is not there yet; it is declared where it is answered.
  assert.deepEqual(
    all.filter((status) => status === 0 || (status >= 500 && status !== 501)),
    [],
  );
  if (only === undefined) {
    // Otherwise every answer could be a refusal, and the test would prove nothing.
    const unreached = [...result.statuses].filter(([, counts]) => !counts.has(200) && !counts.has(501));
    assert.deepEqual(
      unreached.map(([name]) => name).filter((name) => !NEVER_200.has(name)),
      [],
      "operations that were never answered with 200",
    );
  }
  const log = readFileSync(join(sluice.home, "logs", "control.log"), "utf8");
  assert.ok(
    !log.includes('"a request failed"'),
    "an unforeseen error stands in the log of the control process",
  );
  assert.equal((await sluice.api("GET", "/readyz")).status, 200);
});

/** What they remove is not there, and cannot be made in the time of a test. */
const NEVER_200 = new Set([
  "DELETE /api/v2/internal/cache/{ContentId}",
  "DELETE /api/v2/internal/environments/{EnvironmentId}",
]);
