/** The engine as a process with real Python workers: what clients see, in good times and bad. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { type Answer, EngineInstance, eventually, type InstanceOptions } from "../testing/engine-instance.ts";

const ECHO = "def process(data):\n    return data\n";
/** Sleeps as long as the body says. */
const SLOW = `
import time
def process(data):
    time.sleep(float(data or 0))
    return data
`;

function start(t: TestContext, options: InstanceOptions): EngineInstance {
  const instance = new EngineInstance(options);
  t.after(() => instance.dispose());
  return instance;
}

async function started(t: TestContext, options: InstanceOptions): Promise<EngineInstance> {
  const instance = start(t, options);
  await instance.ready();
  return instance;
}

/** A raw connection that gathers what it receives. */
class Raw {
  readonly socket: Socket;
  text = "";
  isClosed = false;

  constructor(path: string) {
    this.socket = connect({ path, allowHalfOpen: true });
    this.socket.on("data", (chunk: Buffer) => {
      this.text += chunk.toString("latin1");
    });
    this.socket.on("error", () => {});
    this.socket.on("end", () => {
      this.isClosed = true;
      this.socket.end();
    });
  }

  seen(text: string): Promise<boolean> {
    return eventually(`${JSON.stringify(text)} in ${JSON.stringify(this.text)}`, () =>
      this.text.includes(text),
    );
  }

  closed(): Promise<boolean> {
    return eventually("the engine to close the connection", () => this.isClosed);
  }
}

const raw = (t: TestContext, instance: EngineInstance): Raw => {
  const connection = new Raw(instance.dataSocket);
  t.after(() => connection.socket.destroy());
  return connection;
};

const alive = (pid: number) => existsSync(`/proc/${pid}`);
const statuses = (answers: readonly Answer[]) => answers.map((answer) => answer.status).sort();

test("serves gateways without a token, direct callers with one, on both forms of the path", async (t) => {
  const source =
    "def process(data, headers):\n    return headers.method + ' ' + headers.path + ' ' + headers['X-A']\n";
  const instance = await started(t, { source });
  const headers = { "x-a": "1" };
  const answer = await instance.call("x", "/api/predict/svc/deep?q=1", headers);
  assert.equal(answer.body.toString(), "POST /deep?q=1 1");
  assert.equal(answer.headers["content-type"], "text/plain; charset=utf-8");
  assert.equal(answer.headers["x-sluice-reason"], undefined);
  assert.equal((await instance.call("x", "/bare", headers)).body.toString(), "POST /bare 1");
  assert.equal((await instance.call("x", "/api/predict/svc", headers)).body.toString(), "POST / 1");
  for (const authorization of ["secret", "Bearer secret", "bearer secret"]) {
    const direct = await instance.callPort("x", "/api/predict/svc", { ...headers, authorization });
    assert.equal(direct.body.toString(), "POST / 1");
  }
  for (const authorization of ["", "Secret", "Bearer  wrong", "secret secret"]) {
    const refused = await instance.callPort("x", "/api/predict/svc", { authorization });
    assert.equal(refused.status, 401);
    assert.equal(refused.headers["x-sluice-reason"], "TOKEN_REQUIRED");
  }
  const other = await instance.callPort("x", "/api/predict/svc2", { authorization: "secret" });
  assert.equal(other.status, 404);
  assert.equal(other.headers["x-sluice-reason"], "ROUTE_NOT_FOUND");
});

test("a GET of the root gives the description, of another path goes to the processor", async (t) => {
  const source =
    "def process(data, headers):\n    return headers.path\ndef describe():\n    return {'inputs': 7}\n";
  const instance = await started(t, { source });
  for (const path of ["/", "/api/predict/svc", "/api/predict/svc/?x=1"]) {
    const answer = await instance.call(null, path);
    assert.deepEqual(JSON.parse(answer.body.toString()), { inputs: 7 });
    assert.equal(answer.headers["content-type"], "application/json");
  }
  assert.equal((await instance.call(null, "/api/predict/svc/x")).body.toString(), "/x");
});

test("bodies: empty, binary, chunked, 100 MB", async (t) => {
  const instance = await started(t, { source: ECHO, rpc: { keepaliveMs: 60_000 }, memoryMb: 2000 });
  const binary = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7) & 0xff));
  for (const body of [Buffer.alloc(0), binary, Buffer.alloc(100_000_000, "ab")]) {
    const answer = await instance.call(body);
    assert.equal(answer.status, 200);
    assert.ok(answer.body.equals(body));
    assert.equal(answer.headers["content-type"], "application/octet-stream");
  }
  const connection = raw(t, instance);
  connection.socket.write(
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
  );
  await connection.seen("\r\n\r\nabcde");
});

test("pipelined requests are answered in order, on one connection", async (t) => {
  const instance = await started(t, { source: ECHO });
  const connection = raw(t, instance);
  const bodies = Array.from({ length: 50 }, (_, i) => `<${i}>`);
  connection.socket.write(
    bodies.map((b) => `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${b.length}\r\n\r\n${b}`).join(""),
  );
  await connection.seen("<49>");
  assert.deepEqual(connection.text.match(/<\d+>/g), bodies);
});

test("what is not HTTP is 400 and the end of the connection", async (t) => {
  const instance = await started(t, { source: ECHO });
  const connection = raw(t, instance);
  connection.socket.write(
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
  );
  await connection.closed();
  assert.match(connection.text, /^HTTP\/1\.1 400 .*X-Sluice-Reason: BAD_REQUEST/s);
});

test("a body above the limit is 413, told before it is sent, or when it has grown too long", async (t) => {
  const instance = await started(t, { source: ECHO, limits: { bodyBytesMax: 1000 } });
  const long = raw(t, instance);
  long.socket.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n");
  await long.closed();
  assert.match(long.text, /^HTTP\/1\.1 413 .*X-Sluice-Reason: BODY_TOO_LARGE/s);
  const growing = raw(t, instance);
  const chunk = `200\r\n${"x".repeat(512)}\r\n`;
  growing.socket.write(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}${chunk}`);
  await growing.closed();
  assert.match(growing.text, /^HTTP\/1\.1 413 /);
  assert.equal((await instance.call("x".repeat(1000))).status, 200);
});

test("bodies held at once are bounded; what a client that closes half way held is given back", async (t) => {
  const instance = await started(t, { source: ECHO, limits: { heldBodyBytesMax: 1_000_000 } });
  const half = raw(t, instance);
  half.socket.write(`POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 900000\r\n\r\n`);
  await half.seen("HTTP/1.1 100 Continue\r\n\r\n");
  half.socket.write("x".repeat(1000));
  const refused = await instance.call("y".repeat(200_000));
  assert.equal(refused.status, 450);
  assert.match(refused.body.toString(), /bodies of waiting requests/);
  half.socket.destroy();
  const answer = await eventually("the bytes to be given back", async () => {
    const again = await instance.call("y".repeat(200_000));
    return again.status === 200 && again;
  });
  assert.equal(answer.body.length, 200_000);
});

test("a full queue is 450 and closes the connection", async (t) => {
  const instance = await started(t, {
    source: SLOW,
    rpc: { workerThreads: 1, maxQueueSize: 2, keepaliveMs: 60_000 },
  });
  // Long enough for all five to be here before the first is over.
  const answers = await Promise.all([0, 1, 2, 3, 4].map(() => instance.call("2")));
  assert.deepEqual(statuses(answers), [200, 200, 200, 450, 450]);
  const full = answers.find((answer) => answer.status === 450)!;
  assert.equal(full.headers["x-sluice-reason"], "QUEUE_FULL");
  assert.equal(full.headers.connection, "close");
});

test("over keepalive is 408 and closes, whether computing or waiting; then the slot serves again", async (t) => {
  const instance = await started(t, { source: SLOW, rpc: { workerThreads: 1, keepaliveMs: 300 } });
  const answers = await Promise.all([instance.call("0.8"), instance.call("0.8")]);
  assert.deepEqual(statuses(answers), [408, 408]);
  assert.equal(answers[0]!.headers["x-sluice-reason"], "KEEPALIVE_EXCEEDED");
  assert.equal(answers[0]!.headers.connection, "close");
  await eventually("an answer in time", async () => (await instance.call("0")).status === 200);
});

test("a client that sends a byte now and then is 408 as a whole, in the head or in the body", async (t) => {
  const instance = await started(t, { source: ECHO, rpc: { keepaliveMs: 300 } });
  for (const text of [
    "POST / HTTP/1.1\r\nHost: aaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\nabcd",
  ]) {
    const connection = raw(t, instance);
    let at = 0;
    const timer = setInterval(() => connection.socket.write(text[at++] ?? "x"), 20);
    await connection.closed();
    clearInterval(timer);
    assert.match(connection.text, /^HTTP\/1\.1 408 .*KEEPALIVE_EXCEEDED/s);
  }
});

test("an exception is 400 with its message; the trace is in the log, not in the answer", async (t) => {
  const instance = await started(t, { source: "def process(data):\n    return {}[data.decode()]\n" });
  const answer = await instance.call("no-such");
  assert.equal(answer.status, 400);
  assert.equal(answer.headers["x-sluice-reason"], "PROCESSOR_REFUSED");
  assert.equal(answer.body.toString(), "KeyError: 'no-such'");
  await eventually("the trace in the log", () =>
    instance.logText.includes("Traceback (most recent call last)"),
  );
});

test("a processor's own status and headers pass, but not those of the connection", async (t) => {
  const source =
    "def process(data):\n    return b'{}', 422, {'Content-Type': 'a/b', 'X-Mine': '1', 'Connection': 'x', 'Content-Length': '9'}\n";
  const instance = await started(t, { source });
  const { status, headers, body } = await instance.call("x");
  assert.equal(status, 422);
  assert.equal(headers["content-type"], "a/b");
  assert.equal(headers["x-mine"], "1");
  assert.equal(body.toString(), "{}");
});

test("an answer to a gateway says how long its request waited in the queue, one that did not wait says nothing", async (t) => {
  const instance = await started(t, { source: SLOW, rpc: { workerThreads: 1, maxQueueSize: 2 } });
  const answers = await Promise.all([instance.call("1.5"), instance.call("1.5")]);
  const told = answers.map((answer) => answer.headers["x-sluice-queue-us"]).filter((us) => us !== undefined);
  assert.deepEqual([statuses(answers), told.length], [[200, 200], 1]);
  assert.ok(Number(told[0]) > 100_000 && Number(told[0]) < 60_000_000, String(told));
  assert.equal((await instance.call("0")).headers["x-sluice-queue-us"], undefined);
});

test("a client that goes away frees its place in the queue", async (t) => {
  const instance = await started(t, { source: SLOW, rpc: { workerThreads: 1, maxQueueSize: 1 } });
  const working = instance.call("3");
  const waiting = raw(t, instance);
  waiting.socket.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n60");
  await eventually("a full queue", async () => (await instance.call("0")).status === 450);
  waiting.socket.destroy();
  await eventually("a free place", async () => (await instance.call("0")).status === 200);
  assert.equal((await working).status, 200);
});

test("a worker killed under load: what it held is 500, what waited is served by the next, and that is counted", async (t) => {
  const source = SLOW.replace("    time.sleep", "    print('took', flush=True)\n    time.sleep");
  const instance = await started(t, { source, rpc: { workerThreads: 2, keepaliveMs: 20_000 } });
  const [pid] = instance.workerPids;
  const held = [instance.call("60"), instance.call("60")];
  await eventually("both to be in the worker", () => instance.logText.split("took\n").length === 3);
  const waiting = instance.call("0");
  process.kill(pid!, "SIGKILL");
  for (const answer of await Promise.all(held)) {
    assert.equal(answer.status, 500);
    assert.equal(answer.headers["x-sluice-reason"], "WORKER_DIED");
  }
  assert.equal((await waiting).status, 200);
  const state = await instance.until("the next worker", ({ workersReady }) => workersReady === 1);
  assert.equal(state.phase, "ready");
  assert.equal(state.workerRestarts, 1);
  assert.notEqual(instance.workerPids[0], pid);
});

test("a worker that is back at once leaves the instance in traffic; one that loads long does not", async (t) => {
  const source = `
import os, time
again = os.path.exists("loaded-before")
open("loaded-before", "w").close()
if again:
    time.sleep(1)
${ECHO}`;
  const instance = await started(t, { source, limits: { restartGraceMs: 200 } });
  process.kill(instance.workerPids[0]!, "SIGKILL");
  await instance.until("the death to be seen", (state) => state.workerRestarts === 1);
  const waiting = instance.call("x");
  await instance.until("loading", (state) => state.phase === "loading");
  await instance.until("ready again", (state) => state.phase === "ready" && state.workersReady === 1);
  assert.equal((await waiting).status, 200);
  const quick = await started(t, { source: ECHO, limits: { restartGraceMs: 30_000 } });
  process.kill(quick.workerPids[0]!, "SIGKILL");
  await quick.until("ready again", (state) => {
    assert.equal(state.phase, "ready");
    return state.workerRestarts === 1 && state.workersReady === 1;
  });
});

test("a worker that hangs with requests that nobody waits for is ended and started again", async (t) => {
  const source =
    "import time\ndef process(data):\n    time.sleep(3600 if data == b'hang' else 0)\n    return data\n";
  const rpc = { workerThreads: 2, keepaliveMs: 200 };
  const instance = await started(t, { source, rpc, limits: { workerHungMs: 300 } });
  const answers = await Promise.all([instance.call("hang"), instance.call("hang"), instance.call("x")]);
  assert.deepEqual(statuses(answers), [408, 408, 408]);
  await instance.until("a restart", (state) => state.workerRestarts === 1 && state.workersReady === 1);
  await eventually("an answer in time", async () => (await instance.call("x")).status === 200);
  assert.match(instance.logText, /worker 0 has answered nothing for 300 ms: it hangs, and is ended/);
});

test("an exception at start: failed, with the message and the place, exit code 1", async (t) => {
  const instance = start(t, {
    source: "def initialize(entry, config):\n    raise OSError('no weights')\ndef process(d): pass\n",
  });
  assert.equal((await instance.exited).code, 1);
  assert.equal(instance.state!.phase, "failed");
  assert.equal(instance.exit!.reason, "StartFailed");
  assert.equal(instance.exit!.message, "OSError: no weights (app.py:2)");
  assert.match(instance.logText, /Traceback/);
});

test("a worker that cannot be started, or dies while it loads, fails the instance and says why", async (t) => {
  const cases: [InstanceOptions, RegExp, string?][] = [
    [
      { source: "import os, sys\nprint('no licence', file=sys.stderr, flush=True)\nos._exit(3)\n" },
      /^the processor worker exited with code 3 before it was ready: no licence$/,
    ],
    [
      { source: ECHO, env: { SLUICE_PYTHON: "/nowhere/python3" } },
      /^the processor worker cannot be started with \/nowhere\/python3: /,
    ],
    [
      { processor: { kind: "custom", language: "python", dir: "/nowhere", entry: "app.py" } },
      /its folder \/nowhere does not exist$/,
    ],
    [
      { source: "hold = []\nwhile True:\n    hold.append(bytearray(1 << 20))\n", memoryMb: 100 },
      /^the processor ran out of memory while loading; metadata\.memory is 100 MB$/,
      "OOMKilled",
    ],
  ];
  for (const [options, message, reason = "StartFailed"] of cases) {
    const instance = start(t, options);
    assert.equal((await instance.exited).code, 1);
    assert.equal(instance.exit!.reason, reason);
    assert.match(instance.exit!.message, message);
    const last = instance.exit!.lastLines?.at(-1) ?? "";
    if (/no licence/.test(message.source)) assert.equal(last, "no licence");
  }
});

test("100 MB printed while loading neither holds it up nor fills the disk", async (t) => {
  const source = `
import sys
for _ in range(100_000):
    sys.stdout.write("x" * 999 + "\\n")
${ECHO}`;
  const instance = await started(t, { source, limits: { logFileBytesMax: 100_000, logFilesMax: 2 } });
  assert.equal((await instance.call("x")).status, 200);
  assert.ok(instance.logText.length <= 200_000);
});

test("what a processor says of its progress is the message of its state", async (t) => {
  const source = "import allspark, time\nallspark.progress('weights, 40 %')\ntime.sleep(3600)\n";
  const instance = start(t, { source });
  await instance.until(
    "the progress",
    (state) => state.phase === "loading" && state.message === "weights, 40 %",
  );
});

test("sleeping for ever at start: loading, and SIGTERM ends it at once", async (t) => {
  const instance = start(t, { source: "import time\ntime.sleep(3600)\n" });
  await instance.until("loading", (state) => state.phase === "loading" && state.port !== null);
  await eventually("the worker to run", () => instance.workerPids.length === 1);
  const [pid] = instance.workerPids;
  const early = raw(t, instance);
  early.socket.write("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
  await early.seen("100 Continue");
  instance.process.kill("SIGTERM");
  assert.deepEqual(await instance.exited, { code: 0, signal: null });
  await eventually("the worker to be gone", () => !alive(pid!));
  await early.closed();
  assert.match(early.text, /HTTP\/1\.1 503 .*X-Sluice-Reason: INSTANCE_DRAINING/s);
});

test("ending again and again: started again five times, then failed", async (t) => {
  const source = `import os, threading\nthreading.Timer(0.05, lambda: os._exit(9)).start()\n${ECHO}`;
  const instance = start(t, { source });
  assert.equal((await instance.exited).code, 1);
  assert.equal(instance.state!.workerRestarts, 5);
  assert.equal(instance.exit!.reason, "Error");
  assert.match(instance.exit!.message, /^the processor worker exited with code 9: 6 deaths within 60 s$/);
});

test("100 MB of prints: the log stays bounded, memory too, and requests are answered", async (t) => {
  const source = `
import sys
def process(data):
    if data == b"print":
        line = "x" * 999 + "\\n"
        for _ in range(100_000):
            sys.stdout.write(line)
        print("y" * 100_000)
        print("done printing", flush=True)
    return data
`;
  const limits = { logFileBytesMax: 1_000_000, logFilesMax: 3 };
  const instance = await started(t, { source, limits, rpc: { keepaliveMs: 60_000 } });
  const printing = instance.call("print");
  assert.equal((await instance.call("meanwhile")).status, 200);
  assert.equal((await printing).status, 200);
  await eventually("the last line", () => instance.logText.includes("Z done printing\n"));
  const text = instance.logText;
  assert.ok(text.length <= 3_100_000 && text.length > 1_000_000, `${text.length} bytes of log`);
  assert.match(text, /\n\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z x{999}\n/);
  assert.match(text, /Z y{16384} … \[line cut\]\n/);
  assert.ok(instance.peakMb() < 250, `the engine took ${instance.peakMb()} MB`);
});

test("a memory bomb is 500 naming metadata.memory, and the worker lives", async (t) => {
  const source = `
def process(data):
    if data == b"bomb":
        hold = []
        while True:
            hold.append(bytearray(1 << 20))
    return data
`;
  const instance = await started(t, { source, memoryMb: 128 });
  const answer = await instance.call("bomb");
  assert.equal(answer.status, 500);
  assert.match(answer.body.toString(), /metadata\.memory is 128 MB/);
  assert.equal((await instance.call("x")).status, 200);
  assert.equal(instance.state!.workerRestarts, 0);
});

test("options set in code count where the spec has the default", async (t) => {
  const source = `
import allspark, time
class P(allspark.BaseProcessor):
    def process(self, data):
        time.sleep(float(data))
        return data, 0
if __name__ == '__main__':
    allspark.default_properties().put('rpc.keepalive', '200')
    P(worker_threads=10).run()
`;
  const instance = await started(t, { source });
  assert.equal((await instance.call("1")).status, 408);
});

test("SIGTERM drains: what is in flight is answered, also what comes over open connections; then 0", async (t) => {
  const instance = await started(t, { source: SLOW, limits: { drainQuietMs: 100 } });
  const open = raw(t, instance);
  open.socket.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n0");
  await open.seen("\r\n\r\n0");
  const [pid] = instance.workerPids;
  const inFlight = instance.call("3");
  await eventually("the request to be taken", async () => (await instance.call("0")).status === 200);
  instance.process.kill("SIGTERM");
  await instance.until("draining", (state) => state.phase === "draining");
  open.socket.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n0.1");
  await open.seen("\r\n\r\n0.1");
  assert.match(open.text, /Connection: close\r\n/);
  assert.equal((await inFlight).status, 200);
  assert.deepEqual(await instance.exited, { code: 0, signal: null });
  assert.ok(!alive(pid!));
  assert.ok(!existsSync(instance.dataSocket));
});

test("an answer that its client takes slowly is whole, although the instance drains", async (t) => {
  const source = "def process(data):\n    print('answering', flush=True)\n    return b'z' * 30_000_000\n";
  const instance = await started(t, { source, rpc: { keepaliveMs: 20_000 } });
  const slow = raw(t, instance);
  slow.socket.pause();
  slow.socket.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  await eventually(
    "the answer to be begun",
    () => slow.socket.bytesRead > 0 || instance.cpuTicks(instance.workerPids[0]!) > 8,
  );
  instance.process.kill("SIGTERM");
  await instance.until("draining", (state) => state.phase === "draining");
  slow.socket.resume();
  await slow.closed();
  assert.equal(slow.text.length - slow.text.indexOf("\r\n\r\n") - 4, 30_000_000);
  assert.deepEqual(await instance.exited, { code: 0, signal: null });
});

test("a second SIGTERM stops now", async (t) => {
  const instance = await started(t, { source: SLOW, rpc: { keepaliveMs: 60_000 } });
  const [pid] = instance.workerPids;
  const inFlight = instance.call("30").catch((error: Error) => error);
  await eventually("the request to be taken", async () => (await instance.call("0")).status === 200);
  instance.process.kill("SIGTERM");
  await instance.until("draining", (state) => state.phase === "draining");
  instance.process.kill("SIGTERM");
  assert.deepEqual(await instance.exited, { code: 0, signal: null });
  await inFlight;
  await eventually("the worker to be gone", () => !alive(pid!));
});

test("kill -9 of the engine leaves no worker, even one that is busy", async (t) => {
  const instance = await started(t, {
    source: "def process(data):\n    while True: pass\n",
    rpc: { keepaliveMs: 60_000, workerThreads: 1 },
  });
  const [pid] = instance.workerPids;
  const inFlight = instance.call("x").catch((error: Error) => error);
  await eventually("the worker to be busy", () => instance.cpuTicks(pid!) > 10);
  instance.process.kill("SIGKILL");
  await inFlight;
  await eventually("the worker to be gone", () => !alive(pid!));
});

test("a second engine on the same folder leaves the first alone", async (t) => {
  const instance = await started(t, { source: ECHO });
  const second = instance.spawnEngine({});
  const [code] = await once(second, "exit");
  assert.equal(code, 0);
  assert.equal((await instance.call("x")).status, 200);
  assert.equal(instance.state!.phase, "ready");
});

test("rpc.rate_limit: a request above it is 429, with the time until one can succeed", async (t) => {
  const instance = await started(t, { source: ECHO, rpc: { rateLimit: 0.1 } });
  assert.equal((await instance.call("x")).status, 200);
  const refused = await instance.call("x");
  assert.equal(refused.status, 429);
  assert.equal(refused.headers["x-sluice-reason"], "RATE_LIMITED");
  const retryAfterS = Number(refused.headers["retry-after"]);
  assert.ok(retryAfterS >= 1 && retryAfterS <= 10, `${retryAfterS}`);
});
