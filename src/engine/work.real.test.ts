/** What an engine tells of its workers' work in work.json: compute time and sizes of batches. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { InstanceWork } from "../core/instance-work.ts";
import { EngineInstance, eventually, type InstanceOptions } from "../testing/engine-instance.ts";

/** A batch with "hold" in it waits for the file `go`, once it has made the file `held`. */
const HOLDS = `
import os, time
def process_batch(data):
    if b"hold" in data:
        open("held", "w").close()
        while not os.path.exists("go"):
            time.sleep(0.005)
    return data
`;
const SLEEPS = `
import time
def process(data):
    time.sleep(float(data))
    return b"x"
`;

async function started(t: TestContext, options: InstanceOptions): Promise<EngineInstance> {
  const instance = new EngineInstance({ ...options, limits: { workTellMs: 20 } });
  t.after(() => instance.dispose());
  await instance.ready();
  return instance;
}

/** What it has told, once that is of so many requests. */
function worked(instance: EngineInstance, requests: number): Promise<InstanceWork> {
  const file = join(instance.dir, "work.json");
  return eventually(`the work of ${requests} requests`, () => {
    if (!existsSync(file)) return undefined;
    const work = JSON.parse(readFileSync(file, "utf8")) as InstanceWork;
    return work.computed === requests ? work : undefined;
  });
}

test("compute time is that of the worker, without the wait in the queue; the warm-up is not in it", async (t) => {
  const instance = await started(t, { source: SLEEPS, warmUp: "0.3\n", rpc: { workerThreads: 1 } });
  assert.equal(existsSync(join(instance.dir, "work.json")), false, "nothing was done yet");
  const from = performance.now();
  await Promise.all(["0.5", "0.5", "0.5"].map((seconds) => instance.call(seconds)));
  const tookUs = (performance.now() - from) * 1000;
  const work = await worked(instance, 3);
  assert.equal(work.instance, "svc-v1-0");
  assert.equal(work.batches, undefined);
  // One after the other. With their waits it would be twice as much as they took together.
  assert.ok(work.computeUs >= 1_500_000 && work.computeUs <= tookUs, `${work.computeUs} of ${tookUs} µs`);
});

test("sizes of batches are told by the power of two that holds them", async (t) => {
  const rpc = { workerThreads: 1, maxQueueSize: 8, batching: { sizeMax: 4, waitMsMax: 50 } };
  const instance = await started(t, { source: HOLDS, rpc });
  const held = instance.call("hold");
  await eventually("the batch to be held", () => existsSync(join(instance.folder, "app", "held")));
  // Nine cannot wait: once one is refused, the other eight do, and go as two batches of four.
  const calls = Array.from({ length: 9 }, () => instance.call("x"));
  assert.equal((await Promise.race(calls)).headers["x-sluice-reason"], "QUEUE_FULL");
  writeFileSync(join(instance.folder, "app", "go"), "");
  await Promise.all([held, ...calls]);
  const { batches, batchedRequests } = await worked(instance, 9);
  assert.deepEqual([batches, batchedRequests], [[1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0], 9]);
});
