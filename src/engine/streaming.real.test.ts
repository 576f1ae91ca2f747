/** Answers in parts, from a Python generator through the engine to a client: as they come, never more than the client takes, never a part for the whole. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { EngineInstance, eventually, type InstanceOptions } from "../testing/engine-instance.ts";

const SOURCE = `
import asyncio, os, time

def wait_for(path):
    while not os.path.exists(path):
        time.sleep(0.01)

def process(data):
    what, _, path = data.decode().partition(" ")
    if what == "events":
        return events(path), 200, {"content-type": "text/event-stream"}
    if what == "async":
        return async_events(path), 200, {"content-type": "text/event-stream"}
    if what == "endless":
        return endless(path)
    if what == "broken":
        return broken()
    if what == "silent":
        return silent(path)
    if what == "death":
        return death()
    if what == "slow":
        return slowly()
    return data

def events(path):
    yield "data: 1\\n\\n"
    wait_for(path)
    yield "data: 2\\n\\n"

async def async_events(path):
    yield "data: 1\\n\\n"
    while not os.path.exists(path):
        await asyncio.sleep(0.01)
    yield "data: 2\\n\\n"

def endless(path):
    made = 0
    try:
        while True:
            yield b"x" * 50000
            made += 50000
            with open(path + ".made", "w") as file:
                file.write(str(made))
    finally:
        open(path, "w").close()

def broken():
    yield b"begun"
    raise ValueError("no more of it")

def silent(path):
    yield b"begun"
    wait_for(path)

def death():
    yield b"begun"
    os._exit(3)

def slowly():
    for i in range(10):
        yield str(i)
        time.sleep(0.5)
`;

async function started(t: TestContext, options: InstanceOptions = {}): Promise<EngineInstance> {
  const instance = new EngineInstance({ source: SOURCE, ...options });
  t.after(() => instance.dispose());
  await instance.ready();
  return instance;
}

interface Streamed {
  readonly response: IncomingMessage;
  /** What has come of the body. */
  text: string;
  /** How it ended: "end" whole, "cut" broken off; null: not yet. */
  ended: "end" | "cut" | null;
}

/** One request, its body as it comes. */
function stream(instance: EngineInstance, body: string): Promise<Streamed> {
  return new Promise((resolve, reject) => {
    const call = request(
      { socketPath: instance.dataSocket, method: "POST", path: "/", agent: false },
      (response) => {
        const streamed: Streamed = { response, text: "", ended: null };
        response.on("data", (chunk: Buffer) => {
          streamed.text += chunk.toString();
        });
        response.on("end", () => {
          streamed.ended = "end";
        });
        response.on("error", () => {
          streamed.ended = "cut";
        });
        resolve(streamed);
      },
    );
    call.on("error", reject);
    call.end(body);
  });
}

test("events come as the generator yields them, of a thread or of the event loop", async (t) => {
  const instance = await started(t);
  for (const kind of ["events", "async"]) {
    const go = join(instance.folder, `${kind}.go`);
    const streamed = await stream(instance, `${kind} ${go}`);
    assert.equal(streamed.response.headers["content-type"], "text/event-stream");
    assert.equal(streamed.response.headers["transfer-encoding"], "chunked");
    await eventually("the first event", () => streamed.text === "data: 1\n\n");
    assert.equal((await instance.call("meanwhile")).body.toString(), "meanwhile");
    writeFileSync(go, "");
    await eventually("the end", () => streamed.ended === "end");
    assert.equal(streamed.text, "data: 1\n\ndata: 2\n\n");
  }
});

test("requests follow one another on a connection, whose answers come in parts or whole", async (t) => {
  const instance = await started(t);
  const socket = connect(instance.dataSocket);
  t.after(() => socket.destroy());
  let text = "";
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
  });
  const go = join(instance.folder, "go");
  writeFileSync(go, "");
  const post = (body: string) =>
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const events = `events ${go}`;
  socket.write(post(events) + post("whole") + post(events) + post("last"));
  await eventually("four answers", () => text.endsWith("\r\n\r\nlast"));
  const bodies = text.split(/HTTP\/1\.1 200 OK\r\n[\s\S]*?\r\n\r\n/).slice(1);
  const chunks = "9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\n";
  assert.deepEqual(bodies, [chunks, "whole", chunks, "last"]);
});

test("HEAD and HTTP/1.0 get such an answer in their own ways", async (t) => {
  const instance = await started(t);
  const go = join(instance.folder, "go");
  writeFileSync(go, "");
  const body = `events ${go}`;
  const answerTo = (text: string) =>
    new Promise<string>((resolve, reject) => {
      const socket = connect(instance.dataSocket, () => socket.write(text));
      let got = "";
      socket.on("data", (chunk: Buffer) => {
        got += chunk.toString("latin1");
      });
      socket.on("end", () => resolve(got));
      socket.on("error", reject);
    });
  const old = await answerTo(`POST / HTTP/1.0\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  assert.match(old, /\r\n\r\ndata: 1\n\ndata: 2\n\n$/);
  assert.doesNotMatch(old, /Transfer-Encoding|Content-Length/);
  const head = await answerTo(
    `HEAD /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  assert.match(head, /Transfer-Encoding: chunked\r\n[\s\S]*\r\n\r\n$/);
});

test("of an answer whose client does not read little is made; when the client goes, its generator is closed", async (t) => {
  const instance = await started(t, { rpc: { workerThreads: 1, keepaliveMs: 60_000 } });
  const closed = join(instance.folder, "closed");
  const socket = connect(instance.dataSocket);
  t.after(() => socket.destroy());
  const body = `endless ${closed}`;
  socket.pause();
  socket.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  await eventually("some of it to be made", () => existsSync(`${closed}.made`));
  const made = () => Number(readFileSync(`${closed}.made`, "utf8"));
  // What is made stands still when the engine holds its window: it is looked at until it does.
  let before = -1;
  let still = 0;
  await eventually("it to stand still", () => {
    const now = made();
    still = now === before ? still + 1 : 0;
    before = now;
    return still === 20;
  });
  assert.ok(before < 2_000_000, `${before} bytes were made for a client that reads nothing`);
  // The one thread is taken, and not stuck: the client reads on.
  let got = 0;
  socket.on("data", (chunk: Buffer) => {
    got += chunk.length;
  });
  socket.resume();
  await eventually("3 MB", () => got > 3_000_000);
  assert.ok(instance.peakMb() < 400);
  socket.destroy();
  await eventually("the generator to be closed", () => existsSync(closed));
  assert.equal((await instance.call("after")).body.toString(), "after");
});

test("an answer that breaks off is cut, not ended, and the log says why", async (t) => {
  const instance = await started(t);
  const streamed = await stream(instance, "broken");
  await eventually("the cut", () => streamed.ended === "cut");
  await eventually("the log line", () =>
    instance.logText.includes("an answer in parts broke off: ValueError: no more of it"),
  );
  assert.match(instance.logText, /Traceback/);
  const dying = await stream(instance, "death");
  await eventually("the cut", () => dying.ended === "cut");
  await eventually("the log line", () =>
    instance.logText.includes("an answer in parts broke off: the processor worker died"),
  );
  await eventually("another worker", async () => (await instance.call("back")).body.toString() === "back");
});

test("keepalive counts between signs of life: a long answer goes on, a silent one is cut", async (t) => {
  const instance = await started(t, { rpc: { keepaliveMs: 3000 } });
  const long = await stream(instance, "slow");
  await eventually("the end", () => long.ended !== null);
  assert.equal(long.ended, "end");
  assert.equal(long.text, "0123456789");
  const never = join(instance.folder, "never");
  const silent = await stream(instance, `silent ${never}`);
  await eventually("the cut", () => silent.ended === "cut");
  assert.match(instance.logText, /nothing of it moved for 3000 ms \(metadata\.rpc\.keepalive\)/);
  writeFileSync(never, ""); // so that its thread is free
  assert.equal((await instance.call("after")).body.toString(), "after");
});

test("a warm-up request may be answered in parts", async (t) => {
  const go = "/dev/null";
  const instance = await started(t, { warmUp: `events ${go}\n` });
  assert.match(instance.logText, /warm-up: 1 requests were answered/);
});
