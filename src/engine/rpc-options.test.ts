import assert from "node:assert/strict";
import { test } from "node:test";
import { effectiveRpc, WORKER_THREADS_MAX } from "./rpc-options.ts";

const DEFAULTS = { workerThreads: 5, maxQueueSize: 64, keepaliveMs: 5000 };

test("code counts where the spec has the default, the spec where it says something else", () => {
  assert.deepEqual(effectiveRpc(DEFAULTS, { workerThreads: 10, keepaliveMs: 200 }), {
    workerThreads: 10,
    maxQueueSize: 64,
    keepaliveMs: 200,
  });
  const spec = { workerThreads: 2, maxQueueSize: 64, keepaliveMs: 100 };
  assert.deepEqual(effectiveRpc(spec, { workerThreads: 10, keepaliveMs: 200, maxQueueSize: 3 }), {
    ...spec,
    maxQueueSize: 3,
  });
});

test("what is no whole number above 0 in code is not taken, and threads are bounded", () => {
  for (const bad of [
    undefined,
    null,
    7,
    { workerThreads: "9" },
    { workerThreads: 0 },
    { workerThreads: 1.5 },
  ]) {
    assert.deepEqual(effectiveRpc(DEFAULTS, bad), DEFAULTS);
  }
  assert.equal(effectiveRpc({ ...DEFAULTS, workerThreads: 1e6 }, {}).workerThreads, WORKER_THREADS_MAX);
});
