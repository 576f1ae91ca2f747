/** Many connections, each with many requests framed and cut at random: every answer is its own request's, in order. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { EngineInstance } from "../testing/engine-instance.ts";

/** A small generator (mulberry32), so that a failing seed can be tried again. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function bodyOf(random: (below: number) => number): Buffer {
  const size = [0, 1, 40, 1000, 70_000, 300_000][random(6)]! + random(30);
  return Buffer.alloc(size, `<${random(1e9)}>`);
}

function requestOf(body: Buffer, random: (below: number) => number): Buffer {
  const head = `POST /x HTTP/1.1\r\nHost: a\r\n${"X-Pad: y\r\n".repeat(random(20))}`;
  if (random(2) === 0)
    return Buffer.concat([Buffer.from(`${head}Content-Length: ${body.length}\r\n\r\n`), body]);
  const parts: Buffer[] = [Buffer.from(`${head}Transfer-Encoding: chunked\r\n\r\n`)];
  for (let at = 0; at < body.length; ) {
    const piece = body.subarray(at, at + 1 + random(50_000));
    parts.push(
      Buffer.from(`${piece.length.toString(16)}${random(3) === 0 ? ";a=b" : ""}\r\n`),
      piece,
      Buffer.from("\r\n"),
    );
    at += piece.length;
  }
  parts.push(Buffer.from(random(3) === 0 ? "0\r\nX-Checksum: 1\r\n\r\n" : "0\r\n\r\n"));
  return Buffer.concat(parts);
}

/** Sends all requests on one connection in random pieces, and gives the bodies of the answers. */
function exchange(
  path: string,
  bytes: Buffer,
  count: number,
  random: (below: number) => number,
): Promise<Buffer[]> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const bodies: Buffer[] = [];
    let received = Buffer.alloc(0);
    let at = 0;
    const send = () => {
      if (at >= bytes.length) return;
      const size = random(4) === 0 ? 1 + random(5) : 1 + random(100_000);
      const piece = bytes.subarray(at, at + size);
      at += size;
      socket.write(piece, () => setImmediate(send));
    };
    socket.on("error", reject);
    socket.on("close", () =>
      reject(new Error(`closed after ${bodies.length} answers: ${received.toString("latin1", 0, 200)}`)),
    );
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      for (;;) {
        const headEnd = received.indexOf("\r\n\r\n");
        if (headEnd === -1) return;
        const head = received.toString("latin1", 0, headEnd);
        const end = headEnd + 4 + Number(/Content-Length: (\d+)/.exec(head)![1]);
        if (received.length < end) return;
        if (!head.startsWith("HTTP/1.1 200 ")) return reject(new Error(head));
        bodies.push(Buffer.from(received.subarray(headEnd + 4, end)));
        received = received.subarray(end);
        if (bodies.length < count) continue;
        socket.removeAllListeners("close");
        socket.destroy();
        resolve(bodies);
        return;
      }
    });
    send();
  });
}

test("bodies come back whole and in order, through queue and threads, whatever the framing and the cuts", async (t) => {
  const rpc = { workerThreads: 4, maxQueueSize: 64, keepaliveMs: 60_000 };
  const source = "import time\ndef process(data):\n    time.sleep(len(data) % 7 / 2000)\n    return data\n";
  const instance = new EngineInstance({ source, rpc });
  t.after(() => instance.dispose());
  await instance.ready();
  const seed = Date.now() & 0xffff;
  t.diagnostic(`seed ${seed}`);
  const connections = Array.from({ length: 12 }, async (_, connection) => {
    const random = randomFrom(seed * 100 + connection);
    const bodies = Array.from({ length: 25 }, () => bodyOf(random));
    const bytes = Buffer.concat(bodies.map((body) => requestOf(body, random)));
    const answers = await exchange(instance.dataSocket, bytes, bodies.length, random);
    for (const [i, body] of bodies.entries()) {
      assert.ok(
        answers[i]!.equals(body),
        `seed ${seed}: connection ${connection}, answer ${i} is not its request`,
      );
    }
  });
  await Promise.all(connections);
});
