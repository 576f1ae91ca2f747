/** `metadata.rpc.batching` of a ready-made processor: a real engine, its worker and scikit-learn. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { EngineInstance } from "../src/testing/engine-instance.ts";
import { ROOT } from "./harness/installation.ts";

const EXAMPLE = join(ROOT, "examples", "sklearn");
const read = (name: string) => JSON.parse(readFileSync(join(EXAMPLE, name), "utf8"));

test("each request of a batch gets its own answer, and a bad one is refused alone", async (t) => {
  const { model_path: folder, model_entry: entry } = read("service.json");
  const python = execFileSync(process.execPath, ["tools/environments.ts", "python", "sklearn"], {
    cwd: ROOT,
  });
  const instance = new EngineInstance({
    processor: { kind: "builtin", code: "sklearn", family: "sklearn" },
    modelPath: join(EXAMPLE, folder, entry ?? ""),
    rpc: {
      workerThreads: 1,
      maxQueueSize: 200,
      keepaliveMs: 60_000,
      batching: { sizeMax: 16, waitMsMax: 50 },
    },
    memoryMb: 2000,
    env: { SLUICE_PYTHON: String(python).trim() },
  });
  t.after(() => instance.dispose());
  await instance.ready();
  const rows: unknown[] = read("request.json");
  const expected: unknown[] = read("expected.json");
  const bad = JSON.stringify([["no row"]]);
  const calls = Array.from({ length: 120 }, async (_, i) => {
    if (i % 10 === 9) {
      const { status, body } = await instance.call(bad);
      return assert.deepEqual([status, /^row 1/.test(String(body))], [400, true], String(body));
    }
    const at = i % rows.length;
    const { status, body } = await instance.call(JSON.stringify([rows[at]]));
    assert.deepEqual([status, JSON.parse(String(body))], [200, [expected[at]]], `call ${i}`);
  });
  await Promise.all(calls);
  assert.ok(!instance.logText.includes("has no effect"));
});
