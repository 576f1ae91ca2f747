/** What an engine says of itself: how long the stages of its start took, and that the memory of its processor grows. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { EngineInstance, eventually, type InstanceOptions } from "../testing/engine-instance.ts";

async function started(t: TestContext, options: InstanceOptions): Promise<EngineInstance> {
  const instance = new EngineInstance(options);
  t.after(() => instance.dispose());
  await instance.ready();
  return instance;
}

/** Requests one after the other until `isEnough`, with a look at the memory every 20 ms: 32 looks with a request in between take a second or so. */
async function callUntil(instance: EngineInstance, isEnough: (count: number) => boolean): Promise<void> {
  let count = 0;
  await eventually("enough requests", async () => {
    for (let i = 0; i < 20; i++) assert.equal((await instance.call("x")).status, 200);
    count += 20;
    return isEnough(count);
  });
}

const LOOKS = { limits: { memoryLookMs: 20 } };

test("the stages of a start add up, and the worker tells import from load", async (t) => {
  const instance = await started(t, {
    source: `
import time
time.sleep(0.2)
def initialize(model_entry, model_config):
    time.sleep(0.3)
def process(data):
    return data
`,
    warmUp: "x",
  });
  const { stages } = instance.state!;
  assert.deepEqual(
    stages?.map(({ name }) => name),
    ["start", "import", "load", "warm-up"],
  );
  const [start, imported, load] = stages!.map(({ ms }) => ms) as [number, number, number];
  assert.ok(start > 0, "the process and the interpreter take a while");
  assert.ok(imported >= 200 && load >= 300, JSON.stringify(stages));
  assert.match(
    instance.logText,
    /worker 0 is ready after \d+\.\d\d s: start .*, import .*, load .*, warm-up \d+\.\d\d s\n/,
  );
});

test("a processor that keeps something of each request is found out, with the rate", async (t) => {
  const instance = await started(t, {
    source: `
kept = []
def process(data):
    kept.append(b"x" * 100000)
    return data
`,
    memoryMb: 1000,
    ...LOOKS,
  });
  await callUntil(instance, (count) => instance.state!.memory?.growth !== undefined && count > 0);
  const { memory } = instance.state!;
  assert.ok(memory!.bytes > 16 * 2 ** 20);
  const { bytesPerThousand } = memory!.growth!;
  assert.ok(bytesPerThousand > 0.5e8 && bytesPerThousand < 2e8, `${bytesPerThousand} of about 1e8`);
  assert.match(
    instance.logText,
    / its memory grows by [\d.,]+ MB per 1,000 requests; at this rate metadata\.memory \(1000 MB\) /,
  );
});

test("one whose memory goes up and down is not", async (t) => {
  const instance = await started(t, {
    source: `
import random
random.seed(1)
held = []
def process(data):
    # As much as 30 MB at a time, freed some requests later.
    held.append(bytearray(random.randrange(1, 3_000_000)))
    del held[: max(0, len(held) - random.randrange(1, 12))]
    return data
`,
    memoryMb: 1000,
    ...LOOKS,
  });
  await callUntil(instance, (count) => count >= 800);
  const { memory } = instance.state!;
  assert.ok(memory!.bytes > 0);
  assert.equal(memory!.growth, undefined);
  assert.ok(!instance.logText.includes("memory grows"));
});

test("memory that several workers share counts once", async (t) => {
  const instance = await started(t, {
    source: `
def initialize(model_entry, model_config):
    global model
    model = b"x" * 100_000_000
def process(data):
    return data
`,
    memoryMb: 1000,
    rpc: { workerProcesses: 3, workerThreads: 1 },
    ...LOOKS,
  });
  await callUntil(instance, () => instance.state!.memory !== undefined && instance.state!.workersReady === 3);
  const bytes = await eventually("a look at all", () => {
    const { memory } = instance.state!;
    return memory !== undefined && memory.bytes > 100e6 && memory.bytes;
  });
  assert.ok(bytes < 190e6, `${bytes} of one model of 100 MB, and three workers with their parent`);
});

test("without a control group each of several workers has the limit for itself, and is compared with it alone", async (t) => {
  const instance = await started(t, {
    source: `
kept = []
def process(data):
    kept.append(b"x" * 200_000)
    return data
`,
    memoryMb: 300,
    rpc: { workerProcesses: 3, workerThreads: 1 },
    ...LOOKS,
  });
  await callUntil(instance, () => instance.state!.memory?.growth !== undefined);
  const growth = instance.state!.memory!.growth!;
  assert.equal(growth.isOfOneWorker, true);
  assert.equal(growth.limitBytes, 300 * 2 ** 20);
  assert.ok(growth.fullInMs! > 0, "none is above it");
  assert.match(
    instance.logText,
    / the memory of one of its workers grows by [\d.,]+ MB per 1,000 requests; at this rate /,
  );
});
