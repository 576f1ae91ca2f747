/** What is under way while it is under way: chunks that are not held back, and clients that leave in the middle. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { after, before, test } from "node:test";
import { type GatewayRig, serviceRoute, startRig, TOKEN, until } from "../../test/harness/gateway-rig.ts";
import { RawClient } from "../../test/harness/raw-client.ts";
import { plain, RawUpstream } from "../../test/harness/raw-upstream.ts";

let rig: GatewayRig;
let instance: RawUpstream;
/** The instance's side of the last whole request. */
let current: Socket | null = null;
const clients: RawClient[] = [];

before(async () => {
  rig = await startRig();
  instance = new RawUpstream((_, socket) => {
    current = socket;
  });
  await rig.put({ number: 1, services: [serviceRoute("s", [await instance.listen()])], groups: [] });
});
after(async () => {
  for (const c of clients) c.close();
  await rig.close();
  await instance.close();
});

/** Sends a request and gives the client once the instance has it. */
async function ask(text: string): Promise<RawClient> {
  current = null;
  const c = new RawClient(rig.port());
  clients.push(c);
  c.send(text);
  await until(() => current !== null, "the request at the instance");
  return c;
}
const GET = `GET /api/predict/s/ HTTP/1.1\r\nHost: h\r\nAuthorization: ${TOKEN}\r\n\r\n`;
const framings = {
  chunked: {
    head: "Transfer-Encoding: chunked\r\n",
    piece: (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`,
    end: (socket: Socket) => socket.write("0\r\n\r\n"),
  },
  "until close": {
    head: "Connection: close\r\n",
    piece: (text: string) => text,
    end: (socket: Socket) => socket.end(),
  },
};

for (const [name, { head, piece, end }] of Object.entries(framings)) {
  test(`server-sent events, ${name}: each arrives before the next one is sent`, async () => {
    const c = await ask(GET);
    let got = "";
    c.socket.on("data", (chunk: Buffer) => {
      got += chunk.toString("latin1");
    });
    current!.write(`HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n${head}\r\n`);
    await until(() => got.includes("\r\n\r\n"), "the head before any event");
    for (let i = 0; i < 50; i++) {
      const event = piece(`data: ${i}\n\n`);
      current!.write(event);
      await until(() => got.endsWith(event), `event ${i}`);
    }
    end(current!);
    assert.equal((await c.answer(0)).body.toString().match(/data: /g)?.length, 50);
  });
}

test("chunks of a request reach the instance before the next one is sent", async () => {
  const c = new RawClient(rig.port());
  clients.push(c);
  const start = instance.bytesSeen;
  c.send(GET.replace("GET", "POST").replace("\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n"));
  await until(() => instance.bytesSeen > start, "the head before any chunk");
  for (let i = 0; i < 20; i++) {
    const seen = instance.bytesSeen;
    c.send("3\r\nabc\r\n");
    await until(() => instance.bytesSeen === seen + 8, `chunk ${i}`);
  }
  current = null;
  c.send("0\r\n\r\n");
  await until(() => current !== null, "the end");
  current!.write(plain(200, "ok"));
  assert.equal((await c.answer(0)).body.toString(), "ok");
});

const leavings = {
  "by a reset": (c: RawClient) => c.socket.resetAndDestroy(),
  "by closing": (c: RawClient) => c.socket.destroy(),
  // It could still read. No client of ours sends its last word before it has its answer, and a vanished one looks the same.
  "by half-closing": (c: RawClient) => c.socket.end(),
};
const moments = {
  "while it uploads": async () => {
    const seen = instance.sockets.length;
    const bytes = instance.bytesSeen;
    const c = new RawClient(rig.port());
    clients.push(c);
    c.send(GET.replace("GET", "POST").replace("\r\n\r\n", "\r\nContent-Length: 100\r\n\r\nten bytes."));
    await until(() => instance.bytesSeen > bytes, "the first bytes");
    return { c, socket: instance.sockets[Math.max(seen, instance.sockets.length) - 1]! };
  },
  "while it waits": async () => {
    const c = await ask(GET);
    return { c, socket: current! };
  },
  "while it is answered": async () => {
    const c = await ask(GET);
    let isHere = false;
    c.socket.once("data", () => {
      isHere = true;
    });
    current!.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
    await until(() => isHere, "the first chunk");
    return { c, socket: current! };
  },
};
let gone = 0;
for (const [moment, begin] of Object.entries(moments)) {
  for (const [how, leave] of Object.entries(leavings)) {
    test(`a client that leaves ${moment}, ${how}: the instance's request is ended, and counts as 499`, async (t) => {
      // A connection of its own, so that it is this one that ends.
      for (const socket of instance.sockets) socket.destroy();
      await until(() => instance.sockets.every((s) => s.closed), "earlier connections to be closed");
      const { c, socket } = await begin();
      const leftAt = performance.now();
      leave(c);
      await until(() => socket.destroyed || socket.readableEnded, "the instance to be told");
      t.diagnostic(`told after ${(performance.now() - leftAt).toFixed(1)} ms`);
      gone++;
      await until(() => rig.statuses("s")["499"] === gone, "the count");
      await until(() => (rig.last("report")?.inFlight["s" as never] ?? 0) === 0, "nothing in flight");
    });
  }
}
