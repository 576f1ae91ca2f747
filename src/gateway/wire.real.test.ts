import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { until } from "../../test/harness/until.ts";
import { bytesInFlight } from "./bytes-in-flight.ts";
import { checkSeams } from "./node-seams.ts";
import { Wire } from "./wire.ts";
import type { WireOwner } from "./wire-owner.ts";

const closing: (() => void)[] = [];
after(() => {
  for (const close of closing) close();
});

class Owner implements WireOwner {
  readonly wire = new Wire(this);
  readonly read: Buffer[] = [];
  flushes = 0;
  isConnected = false;
  isEnded = false;
  isGone = false;
  error: Error | null = null;
  bytes(buf: Buffer, to: number) {
    this.read.push(Buffer.from(buf.subarray(0, to)));
  }
  flushed() {
    this.flushes++;
  }
  connected() {
    this.isConnected = true;
  }
  ended() {
    this.isEnded = true;
  }
  gone(error: Error | null) {
    this.isGone = true;
    this.error = error;
  }
}

/** A wire that took over an accepted socket, and its other side, which is not read. */
async function pair(): Promise<{ owner: Owner; peer: Socket }> {
  const server = createServer({ pauseOnConnect: true }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "connection") as Promise<[Socket]>;
  const peer = connect({ port: (server.address() as { port: number }).port, host: "127.0.0.1" });
  peer.on("error", () => {});
  const [socket] = await accepted;
  const owner = new Owner();
  owner.wire.adopt(socket);
  closing.push(() => {
    peer.destroy();
    owner.wire.destroy();
    server.close();
  });
  return { owner, peer };
}

test("nothing is wrong with the seams of the Node that this repository pins", async () => {
  assert.deepEqual(await checkSeams(), []);
});

/** Long enough that no socket takes it at once. */
const LONG = Buffer.alloc(16 * 1024 * 1024, "0123456789abcdef");

test("bytes go both ways, and a short write is done at once", async () => {
  const { owner, peer } = await pair();
  assert.equal(owner.wire.write(Buffer.from("<hello>"), 1, 6, null), true);
  const [chunk] = (await once(peer, "data")) as [Buffer];
  assert.equal(chunk.toString(), "hello");
  assert.equal(owner.wire.bytesWritten, 5);
  peer.write("back");
  await until(() => Buffer.concat(owner.read).toString() === "back", "bytes of the other side");
});

test("a reader that is slow gets everything in order, then the end; the owner learns once that all is taken", async () => {
  const inFlight = bytesInFlight.sum;
  const { owner, peer } = await pair();
  peer.pause();
  assert.equal(owner.wire.write(LONG, 0, LONG.length, null), false);
  assert.equal(owner.wire.write(Buffer.from("last"), 0, 4, null), false);
  assert.equal(owner.wire.isPending, true);
  assert.equal(bytesInFlight.sum, inFlight + LONG.length + 4);
  assert.equal(owner.wire.bytesWritten, LONG.length + 4);
  assert.equal(owner.wire.bytesTaken <= LONG.length, true);
  owner.wire.end();
  const chunks: Buffer[] = [];
  peer.on("data", (chunk: Buffer) => chunks.push(chunk)).resume();
  await once(peer, "end");
  assert.equal(Buffer.concat(chunks).equals(Buffer.concat([LONG, Buffer.from("last")])), true);
  await until(() => owner.flushes > 0, "the word that all is taken");
  assert.equal(owner.flushes, 1);
  assert.equal(owner.wire.isPending, false);
  assert.equal(bytesInFlight.sum, inFlight);
});

test("cut off in the middle of a write: nothing is counted as held any more, and no word comes that it is taken", async () => {
  const inFlight = bytesInFlight.sum;
  const { owner, peer } = await pair();
  peer.pause();
  assert.equal(owner.wire.write(LONG, 0, LONG.length, null), false);
  owner.wire.destroy();
  assert.equal(owner.wire.isBroken, true);
  assert.equal(owner.wire.write(LONG, 0, 4, null), false);
  await until(() => owner.isGone, "the end");
  assert.equal(owner.error, null);
  assert.equal(owner.flushes, 0);
  assert.equal(bytesInFlight.sum, inFlight);
});

test("the other side breaks off while it is written to: the owner is told the error", async () => {
  const { owner, peer } = await pair();
  peer.pause();
  assert.equal(owner.wire.write(LONG, 0, LONG.length, null), false);
  peer.resetAndDestroy();
  await until(() => owner.isGone, "the end");
  assert.match(String((owner.error as NodeJS.ErrnoException).code), /^(EPIPE|ECONNRESET)$/);
  assert.equal(owner.wire.isBroken, true);
  assert.equal(owner.flushes, 0);
});

test("what is written before a connection stands goes first, over a unix socket too", async () => {
  const path = join(tmpdir(), `wire-${process.pid}-${Math.random()}.sock`);
  const server = createServer().listen(path);
  await once(server, "listening");
  const owner = new Owner();
  closing.push(() => {
    owner.wire.destroy();
    server.close();
  });
  const accepted = once(server, "connection") as Promise<[Socket]>;
  owner.wire.connect({ kind: "unix", path });
  assert.equal(owner.wire.write(Buffer.from("one "), 0, 4, null), false);
  await until(() => owner.isConnected, "the connection");
  owner.wire.write(Buffer.from("two "), 0, 4, null);
  await until(() => !owner.wire.isPending, "the first bytes");
  assert.equal(owner.wire.write(Buffer.from("three"), 0, 5, null), true);
  owner.wire.end();
  const [socket] = await accepted;
  let text = "";
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  await once(socket, "end");
  assert.equal(text, "one two three");
  assert.equal(owner.wire.bytesWritten, 13);
});
