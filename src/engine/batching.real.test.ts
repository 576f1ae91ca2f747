/** `metadata.rpc.batching` on a real engine with a real worker. */
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Answer, EngineInstance, eventually, type InstanceOptions } from "../testing/engine-instance.ts";

/** Answers each row with how many it came with. A batch with "hold" in it waits for the file `go`, once it has made the file `held`. */
const COUNTS = `
import os, time
def process_batch(data):
    if b"hold" in data:
        open("held", "w").close()
        while not os.path.exists("go"):
            time.sleep(0.005)
    return [ValueError("no number") if row == b"bad" else b"%s of %d" % (row, len(data)) for row in data]
`;

async function started(t: TestContext, options: InstanceOptions): Promise<EngineInstance> {
  const instance = new EngineInstance(options);
  t.after(() => instance.dispose());
  await instance.ready();
  return instance;
}

const file = (instance: EngineInstance, name: string) => join(instance.folder, "app", name);
const texts = (answers: readonly Answer[]) => answers.map(({ status, body }) => `${status} ${body}`);

/** Sends `rows` while a batch is held, so that they wait together. */
async function backlog(instance: EngineInstance, rows: readonly string[]): Promise<Promise<Answer>[]> {
  const held = instance.call("hold");
  await eventually("the first batch to be held", () => existsSync(file(instance, "held")));
  return [held, ...rows.map((row) => instance.call(row))];
}

test("what waits goes in one batch of at most max_batch_size, and one bad row fails alone", async (t) => {
  const rpc = { workerThreads: 1, maxQueueSize: 6, batching: { sizeMax: 4, waitMsMax: 50 } };
  const instance = await started(t, { source: COUNTS, rpc });
  const alone = await instance.call("a");
  assert.deepEqual(texts([alone]), ["200 a of 1"]);
  assert.ok(Number(alone.headers["x-sluice-queue-us"]) > 0, "the time in the queue is told");
  const calls = await backlog(instance, ["1", "2", "3", "4", "5", "bad", "bad"]);
  // Six may wait. That one is refused says that the others do; which one it is depends on who comes last.
  const refused = await Promise.race(calls);
  assert.equal(refused.headers["x-sluice-reason"], "QUEUE_FULL");
  writeFileSync(file(instance, "go"), "");
  const [held, ...answers] = texts(await Promise.all(calls));
  assert.equal(held, "200 hold of 1");
  const good = answers.filter((text) => text.startsWith("200"));
  const bad = answers.filter((text) => text === "400 ValueError: no number");
  assert.equal(good.length + bad.length, 6);
  assert.ok(bad.length >= 1);
  // A batch of four, then one of two.
  for (const text of good) assert.match(text, /^200 \d of [24]$/);
  assert.equal((await instance.call(null)).status, 200, "the description still answers");
});

test("a request whose time is over in the queue is 408 and does not go to the processor", async (t) => {
  const rpc = { workerThreads: 1, keepaliveMs: 300, batching: { sizeMax: 4, waitMsMax: 50 } };
  const instance = await started(t, { source: COUNTS, rpc });
  const calls = await backlog(instance, ["1", "2"]);
  const answers = await Promise.all(calls);
  assert.deepEqual(
    answers.map(({ headers }) => headers["x-sluice-reason"]),
    Array(3).fill("KEEPALIVE_EXCEEDED"),
  );
  writeFileSync(file(instance, "go"), "");
  const next = await eventually("the worker to be free", async () => {
    const answer = await instance.call("9");
    return answer.status === 200 && answer;
  });
  assert.equal(next.body.toString(), "9 of 1");
});

test("a processor without process_batch gets its requests one by one, and the log says so", async (t) => {
  const rpc = { batching: { sizeMax: 4, waitMsMax: 50 } };
  const instance = await started(t, { source: "def process(data):\n    return data\n", rpc });
  const answers = await Promise.all(["a", "b", "c"].map((row) => instance.call(row)));
  assert.deepEqual(texts(answers), ["200 a", "200 b", "200 c"]);
  await eventually("the log", () => instance.logText.includes("metadata.rpc.batching has no effect"));
});

test("long bodies and a warm-up take the way of all requests", async (t) => {
  const source = "def process_batch(data):\n    return [row[::-1] for row in data]\n";
  const rpc = { batching: { sizeMax: 8, waitMsMax: 5 } };
  const instance = await started(t, { source, rpc, warmUp: "first\nsecond\n" });
  const bodies = Array.from({ length: 12 }, (_, i) => Buffer.alloc(70_000 + i, `${i}-`));
  const answers = await Promise.all(bodies.map((body) => instance.call(body)));
  for (const [i, answer] of answers.entries())
    assert.deepEqual(answer.body, Buffer.from(bodies[i]!).reverse(), `body ${i}`);
});
