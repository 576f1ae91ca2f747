/** Warm-up against real engines and workers: who is asked what, when the instance is ready, and how each failure is told. */
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { EngineInstance, eventually, type InstanceOptions } from "../testing/engine-instance.ts";

const PMML = fileURLToPath(new URL("../../processors/java/src/test/resources/heart.pmml", import.meta.url));
const ROW = { age: 54.5, vessels: 1, chol: 210, pain: "typical", smoker: true };

/** Notes each request, and goes by what is in it. Threads wait for each other at `meet`, and for a file at `wait`. */
const SOURCE = `
import os, threading, time
folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
meeting = threading.Barrier(3)
def process(data, headers):
    with open(os.path.join(folder, "calls"), "ab") as calls:
        calls.write(data.hex().encode() + b"\\n")
    if data == b"meet":
        meeting.wait(20)
    if data == b"wait":
        while not os.path.exists(os.path.join(folder, "gate")):
            time.sleep(0.01)
    if data == b"bad":
        return b"no such\\ncolumn: age", 422
    if data == b"raise":
        raise ValueError("cannot read this")
    if data == b"die":
        os._exit(7)
    if data == b"die once" and not os.path.exists(os.path.join(folder, "died")):
        open(os.path.join(folder, "died"), "w").close()
        os._exit(7)
    return b"answer to " + data
`;

function start(t: TestContext, options: InstanceOptions): EngineInstance {
  const instance = new EngineInstance({
    source: SOURCE,
    ...options,
    rpc: { workerThreads: 1, keepaliveMs: 30_000, ...options.rpc },
  });
  t.after(() => instance.dispose());
  return instance;
}

const calls = ({ folder }: EngineInstance): string[] => {
  const file = join(folder, "calls");
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "latin1").split("\n").filter(Boolean);
  return lines.map((hex) => Buffer.from(hex, "hex").toString("latin1"));
};

async function failure(instance: EngineInstance): Promise<string> {
  assert.equal((await instance.exited).code, 1);
  assert.equal(instance.exit?.reason, "WarmUpFailed", instance.logText);
  assert.equal(instance.state?.phase, "failed");
  return instance.exit.message;
}

describe("a Python processor", () => {
  test("each line is asked in order; the instance is ready after the last, and callers' requests wait", async (t) => {
    const instance = start(t, { warmUp: "one\r\n\nwait\nthree\n" });
    const cold = await instance.until(
      "at its second request",
      (s) => calls(instance).length === 2 && !!s.warmUp,
    );
    assert.equal(cold.phase, "loading");
    assert.equal(cold.workersReady, 0);
    assert.match(cold.message, /^warming up: request [12] of 3$/);
    const call = instance.call("caller");
    writeFileSync(join(instance.folder, "gate"), "");
    const ready = await instance.ready();
    assert.equal(ready.warmUp, undefined);
    assert.equal((await call).body.toString(), "answer to caller");
    assert.deepEqual(calls(instance), ["one", "wait", "three", "caller"]);
    assert.match(instance.logText, /warm-up: 3 requests were answered in \d+ ms/);
  });

  test("every thread gets each request: they are asked all at once", async (t) => {
    // Each of the three answers only when the other two are there.
    const instance = start(t, { warmUp: "meet\nlast\n", rpc: { workerThreads: 3 } });
    await instance.ready();
    assert.deepEqual(calls(instance), ["meet", "meet", "meet", "last", "last", "last"]);
  });

  test("a binary file is one request, byte by byte", async (t) => {
    const bytes = Buffer.from([0x0a, 0x03, 0x61, 0x0a, 0x00, 0xff]);
    const instance = start(t, { warmUp: bytes, warmUpPath: "warm_up.bin" });
    await instance.ready();
    assert.deepEqual(calls(instance), [bytes.toString("latin1")]);
  });

  test("a folder is all of its files, in the order of their names", async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-warm-up-"));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const instance = start(t, { warmUpPath: folder });
    assert.match(await failure(instance), /^warm_up_data_path: .* is a folder without files$/);
    mkdirSync(join(folder, "more"), { recursive: true });
    writeFileSync(join(folder, "b.txt"), "3\n4\n");
    writeFileSync(join(folder, "a.bin"), "1\n2");
    writeFileSync(join(folder, "more", "z.txt"), "5\n");
    writeFileSync(join(folder, ".hidden"), "no\n");
    const whole = start(t, { warmUpPath: folder });
    await whole.ready();
    assert.deepEqual(calls(whole), ["1\n2", "3", "4", "5"]);
  });

  test("an answer that is not well fails the instance, with its place, status and text", async (t) => {
    const bad = start(t, { warmUp: "one\n\nbad\nthree\n" });
    const text = "warm-up request 2 of 3 (line 3 of warm_up.txt) was answered 422: no such column: age";
    assert.equal(await failure(bad), text);
    assert.deepEqual(calls(bad), ["one", "bad"]);
    assert.match(bad.logText, /failed: warm-up request 2 of 3/);
    const raised = start(t, { warmUp: "raise", warmUpPath: "r.bin" });
    assert.match(
      await failure(raised),
      /^warm-up request 1 of 1 \(r\.bin\) was answered 400: ValueError: cannot read/,
    );
  });

  test("a worker that dies on a request fails the instance, and says on which", async (t) => {
    const instance = start(t, { warmUp: "one\ndie\n" });
    assert.match(
      await failure(instance),
      /exited with code 7.*; it was at warm-up request 2 of 2 \(line 2 of warm_up/,
    );
  });

  test("a request without an answer ends at the limit", async (t) => {
    const instance = start(t, { warmUp: "one\nwait\n", limits: { warmUpMs: 1_000 } });
    assert.match(
      await failure(instance),
      /^the warm-up took longer than 1 s; it was at warm-up request [12] of 2/,
    );
  });

  test("a worker that is started again is warmed up again; a failure then fails the instance", async (t) => {
    const instance = start(t, { warmUp: "one\n" });
    await instance.ready();
    const dead = await instance.call("die once");
    assert.equal(dead.status, 500);
    assert.equal((await instance.call("caller")).body.toString(), "answer to caller");
    assert.deepEqual(calls(instance), ["one", "die once", "one", "caller"]);
    assert.equal((await instance.ready()).workerRestarts, 1);
    writeFileSync(join(instance.folder, "warm_up.txt"), "bad\n");
    assert.equal((await instance.call("die")).status, 500);
    assert.match(await failure(instance), /was answered 422: no such column/);
  });

  test("told to end meanwhile: it ends, and that is no failure", async (t) => {
    const instance = start(t, { warmUp: "wait\n" });
    await eventually("the request", () => calls(instance).length === 1);
    instance.process.kill("SIGTERM");
    assert.equal((await instance.exited).code, 0);
    assert.equal(instance.exit, null);
  });

  test("files that cannot be used: what is wrong, and of which field", async (t) => {
    const missing = start(t, { warmUpPath: "none.txt" });
    assert.match(await failure(missing), /^warm_up_data_path: .*none\.txt does not exist$/);
    const empty = start(t, { warmUp: "" });
    assert.match(await failure(empty), /^warm_up_data_path: .*warm_up\.txt: it is empty$/);
    const noText = start(t, { warmUp: "one\nt\0wo\n" });
    assert.match(await failure(noText), /^warm_up_data_path: .*warm_up\.txt: line 2 has a NUL byte/);
    const large = start(t, { warmUp: "x".repeat(1001), limits: { warmUpBytesMax: 1000 } });
    assert.match(
      await failure(large),
      /^warm_up_data_path: .*warm_up\.txt is larger than 1000 bytes, the limit/,
    );
    assert.deepEqual([missing, empty, noText, large].flatMap(calls), []);
  });

  test("a file that may not be read", {
    skip: process.getuid?.() === 0 && "root reads everything",
  }, async (t) => {
    const gate = start(t, { warmUp: "one\n" });
    await gate.ready();
    chmodSync(join(gate.folder, "warm_up.txt"), 0o000);
    assert.equal((await gate.call("die")).status, 500);
    assert.match(
      await failure(gate),
      /^warm_up_data_path: .*warm_up\.txt cannot be read: permission denied$/,
    );
  });
});

describe("the PMML processor", () => {
  const options = { processor: { kind: "builtin", code: "pmml", family: "pmml" }, modelPath: PMML } as const;

  test("rows of JSON warm it up", async (t) => {
    const rows = [ROW, { ...ROW, vessels: 2 }].map((row) => JSON.stringify([row])).join("\n");
    const instance = start(t, { ...options, warmUp: `${rows}\n`, rpc: { workerThreads: 2 } });
    await instance.ready();
    assert.match(instance.logText, /warm-up: 2 requests were answered/);
    const answer = await instance.call(JSON.stringify([ROW]));
    assert.equal(answer.status, 200, answer.body.toString());
  });

  test("a row that its model refuses fails the instance", async (t) => {
    const instance = start(t, { ...options, warmUp: `${JSON.stringify([ROW])}\n[{"age": "old"}]\n` });
    assert.match(
      await failure(instance),
      /^warm-up request 2 of 2 \(line 2 of warm_up\.txt\) was answered 400: .*age/,
    );
  });
});
