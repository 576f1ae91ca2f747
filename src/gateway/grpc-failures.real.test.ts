/** gRPC when something goes wrong: instances that die, refuse or hang up, clients that do not read, a gateway that drains. */
import assert from "node:assert/strict";
import {
  connect,
  createServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { type AddressInfo, createServer as createListener, type Socket } from "node:net";
import { after, afterEach, before, test } from "node:test";
import { type Metadata, status } from "@grpc/grpc-js";
import { type GatewayRig, serviceRoute, startRig, TOKEN, until } from "../../test/harness/gateway-rig.ts";
import { GrpcCaller, GrpcModel, type Row, statusOf } from "../../test/harness/grpc-model.ts";
import type { Address } from "../core/traffic/route-table.ts";
import { bytesInFlight } from "./bytes-in-flight.ts";

let rig: GatewayRig;
let number = 0;
const clean: (() => void)[] = [];
before(async () => {
  // A busy machine may need seconds for a connection.
  rig = await startRig({ connectMs: 60_000 });
});
after(() => rig.close());
afterEach(() => {
  for (const end of clean.splice(0)) end();
});

const serve = (addresses: readonly Address[], on = rig) =>
  on.put({
    number: ++number,
    services: [serviceRoute("s", addresses, { protocol: "grpc", keepaliveMs: 60_000 })],
    groups: [],
  });
function caller(on = rig): GrpcCaller {
  const made = new GrpcCaller({ port: on.port(), authority: "s.x", token: TOKEN });
  clean.push(() => made.close());
  return made;
}
function model(name?: string): GrpcModel {
  const made = new GrpcModel(name);
  clean.push(() => made.close());
  return made;
}
const reasonOf = (m: Metadata) => m.get("x-sluice-reason")[0];

interface Bare {
  readonly address: Address;
  close(): void;
  calls(): number;
}

/** An instance of HTTP/2 alone, for what no gRPC server does when asked. */
async function bare(onStream: (stream: ServerHttp2Stream, count: number) => void): Promise<Bare> {
  const sessions = new Set<ServerHttp2Session>();
  let count = 0;
  const server: Http2Server = createServer();
  server.on("session", (session) => sessions.add(session));
  server.on("stream", (stream) => {
    stream.on("error", () => {});
    onStream(stream as ServerHttp2Stream, ++count);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => {
    server.close();
    for (const session of sessions) session.destroy();
  };
  clean.push(close);
  const { port } = server.address() as AddressInfo;
  return { address: { kind: "tcp", host: "127.0.0.1", port } as const, close, calls: () => count };
}
const answer = (stream: ServerHttp2Stream) => {
  stream.respond({ "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  // An empty message: not compressed, no bytes.
  stream.end(Buffer.alloc(5));
};

test("an instance that dies in the middle of a stream: what came, then UNAVAILABLE with a reason", async () => {
  const dying = await bare((stream) => {
    stream.respond({ "content-type": "application/grpc" });
    stream.write(Buffer.alloc(5));
  });
  await serve([dying.address]);
  const c = caller();
  const watch = c.client.Watch({}, c.metadata());
  const got: Row[] = [];
  watch.on("error", () => {});
  watch.on("data", (row: Row) => {
    got.push(row);
    dying.close();
  });
  const outcome = await statusOf(watch);
  assert.deepEqual([outcome.code, reasonOf(outcome.trailers)], [status.UNAVAILABLE, "BAD_UPSTREAM"]);
  assert.equal(got.length, 1);
  const dead = await c.predict({});
  assert.deepEqual([dead.code, reasonOf(dead.trailers)], [status.UNAVAILABLE, "BAD_UPSTREAM"]);
});

test("who cannot be reached is left out: the call goes to another instance, and later ones do at once", async () => {
  const gone = await bare(() => {});
  gone.close();
  const alive = model();
  await serve([gone.address, await alive.listen()]);
  const c = caller();
  for (let i = 0; i < 6; i++) assert.equal((await c.predict({})).code, status.OK);
  assert.equal(alive.seen.length, 6);
});

test("a call that an instance refuses unread is sent to another, with all its messages", async () => {
  const refusing = await bare((stream) => stream.close(7));
  const alive = model();
  await serve([refusing.address, await alive.listen()]);
  const c = caller();
  for (let i = 0; i < 4; i++) {
    const outcome = await c.predict({ text: "x", data: Buffer.alloc(30_000, 1) });
    assert.equal(outcome.code, status.OK, outcome.details);
    assert.equal(outcome.row!.data.length, 30_000);
  }
  assert.ok(refusing.calls() >= 1, "it was asked");
  assert.equal(alive.seen.length, 4);
});

test("what a client goes on sending while a refused call waits for another instance is not lost", async () => {
  let refuse = () => {};
  const refusing = await bare((stream) => {
    stream.resume();
    refuse = () => stream.close(7);
  });
  const held: Socket[] = [];
  const got: Buffer[] = [];
  const late = createServer();
  late.on("stream", (stream) => {
    stream.on("error", () => {});
    stream
      .on("data", (chunk: Buffer) => got.push(chunk))
      .on("end", () => answer(stream as ServerHttp2Stream));
  });
  // It does not speak until it is told to, so the call waits for it.
  const listener = createListener((socket) => held.push(socket));
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const address = { kind: "tcp", host: "127.0.0.1", port: (listener.address() as AddressInfo).port } as const;
  await serve([refusing.address]);
  const session = connect(`http://127.0.0.1:${rig.port()}`);
  clean.push(() => {
    session.destroy();
    listener.close();
    for (const socket of held) socket.destroy();
  });
  const call = session.request({
    ":method": "POST",
    ":path": "/p.S/M",
    ":authority": "s.x",
    "content-type": "application/grpc",
    te: "trailers",
    authorization: TOKEN,
  });
  /** 60 KB, which is nearly as much as is kept for a second try. The gateway has got it when this is over. */
  const send = async (letter: string) => {
    await new Promise<void>((resolve) => void call.write(letter.repeat(60_000), () => resolve()));
    await new Promise<void>((resolve) => void session.ping(() => resolve()));
  };
  await send("a");
  await until(() => refusing.calls() === 1, "the call to come");
  await serve([refusing.address, address]);
  refuse();
  await until(() => held.length === 1, "the second try");
  await send("b");
  late.emit("connection", held[0]);
  await send("c");
  let status: unknown;
  call.on("trailers", (fields) => {
    status = fields["grpc-status"];
  });
  call.resume().end();
  await until(() => status !== undefined, "the answer");
  assert.equal(status, "0");
  const text = Buffer.concat(got).toString();
  assert.deepEqual(
    [text.length, text === ["a", "b", "c"].map((l) => l.repeat(60_000)).join("")],
    [180_000, true],
  );
});

test("an instance that is alone and refuses twice: UNAVAILABLE; other resets have gRPC's own status", async () => {
  const codes = [7, 7, 8, 11, 2];
  const wanted = [status.UNAVAILABLE, status.CANCELLED, status.RESOURCE_EXHAUSTED, status.INTERNAL];
  const resetting = await bare((stream, count) => stream.close(codes[count - 1]!));
  await serve([resetting.address]);
  const c = caller();
  for (const code of wanted) {
    const outcome = await c.predict({});
    assert.deepEqual([outcome.code, reasonOf(outcome.trailers)], [code, "BAD_UPSTREAM"]);
  }
  assert.equal(resetting.calls(), 5);
});

test("an instance that says GOAWAY gets no more calls on that connection; open ones end", async () => {
  const held: ServerHttp2Stream[] = [];
  const sessions = new Set<unknown>();
  const leaving = await bare((stream, count) => {
    sessions.add(stream.session);
    if (count === 1) {
      held.push(stream);
      (stream.session as ServerHttp2Session).goaway(0, 1);
    } else answer(stream);
  });
  await serve([leaving.address]);
  const c = caller();
  const first = c.predict({});
  await until(() => held.length === 1, "the first call");
  for (let i = 0; i < 3; i++) assert.equal((await c.predict({})).code, status.OK);
  assert.ok(sessions.size >= 2, "a new connection was made");
  answer(held[0]!);
  assert.equal((await first).code, status.OK, "the open call came to its end");
});

test("an instance's bound on calls at once is kept: more connections, and then a refusal", async () => {
  const narrow = new GrpcModel("narrow", { "grpc.max_concurrent_streams": 2 });
  clean.push(() => narrow.close());
  await serve([await narrow.listen()]);
  const c = caller();
  // 8 connections with 2 calls each.
  const chats = Array.from({ length: 16 }, () => {
    const chat = c.client.Chat(c.metadata());
    chat.on("data", () => {});
    chat.on("error", () => {});
    chat.write({ text: "x" });
    return chat;
  });
  await until(() => narrow.open === 16, "all calls at the instance");
  const outcome = await c.predict({});
  assert.deepEqual([outcome.code, reasonOf(outcome.trailers)], [status.UNAVAILABLE, "GATEWAY_OVERLOADED"]);
  const ended = chats.map((chat) => statusOf(chat));
  for (const chat of chats) chat.end();
  assert.ok((await Promise.all(ended)).every((o) => o.code === status.OK));
  assert.equal((await c.predict({})).code, status.OK);
});

test("who speaks no HTTP/2, or ends without a status, is a bad instance", async () => {
  const statusless = await bare((stream) => {
    stream.respond({ "content-type": "application/grpc" });
    stream.end(Buffer.alloc(5));
  });
  await serve([statusless.address]);
  await rig.reported();
  const before = rig.statuses("s")["500"] ?? 0;
  assert.notEqual((await caller().predict({})).code, status.OK);
  await until(() => rig.statuses("s")["500"] === before + 1, "it to be counted as an error");
  const { createServer: plain } = await import("node:http");
  const http1 = plain((_, response) => response.end("hello"));
  await new Promise<void>((resolve) => http1.listen(0, "127.0.0.1", resolve));
  clean.push(() => http1.close());
  await serve([{ kind: "tcp", host: "127.0.0.1", port: (http1.address() as AddressInfo).port }]);
  const outcome = await caller().predict({});
  assert.deepEqual([outcome.code, reasonOf(outcome.trailers)], [status.UNAVAILABLE, "BAD_UPSTREAM"]);
});

test("a client that does not read stops the instance; the gateway holds a bounded part", async () => {
  const fast = model();
  await serve([await fast.listen()]);
  const c = caller();
  const watch = c.client.Watch({ number: 3_000, data: Buffer.alloc(10_000) }, c.metadata());
  let got = 0;
  watch.once("data", () => {
    got++;
    watch.pause();
  });
  await until(() => got === 1, "the first message");
  // It stands still once nobody takes more: 30 MB are to come.
  let last = -1;
  let stillCount = 0;
  await until(() => {
    stillCount = fast.watched === last ? stillCount + 1 : 0;
    last = fast.watched;
    return stillCount === 100;
  }, "the instance to stop");
  const sent = fast.watched * 10_000;
  assert.ok(sent < 8_000_000, `the instance could send ${sent} bytes`);
  assert.ok(bytesInFlight.sum < 1_000_000, `the gateway holds ${bytesInFlight.sum} bytes`);
  watch.on("data", () => got++);
  const ended = statusOf(watch);
  watch.resume();
  assert.equal((await ended).code, status.OK);
  assert.equal(got, 3_000);
});

test("a client that leaves while the instance takes nothing is noticed at once", async () => {
  let closed = 0;
  const deaf = await bare((stream) => {
    stream.on("close", () => closed++);
    stream.pause();
  });
  await serve([deaf.address]);
  const c = caller();
  const chat = c.client.Chat(c.metadata());
  chat.on("error", () => {});
  for (let i = 0; i < 50; i++) chat.write({ data: Buffer.alloc(100_000) });
  await until(() => deaf.calls() === 1, "the call at the instance");
  chat.cancel();
  await until(() => closed === 1, "the call to be given up");
});

test("a draining worker lets calls end, and ends what is left with a status", async () => {
  const own = await startRig({ drainIdleMs: 20, tunnelCloseMs: 500 });
  clean.push(() => void own.close());
  const serving = model();
  await serve([await serving.listen()], own);
  const c = caller(own);
  const chats = [c.client.Chat(c.metadata()), c.client.Chat(c.metadata())];
  const rows: string[] = [];
  const ended = chats.map((chat) => {
    chat.on("error", () => {});
    chat.on("data", (row: Row) => rows.push(row.text));
    chat.write({ text: "a" });
    return statusOf(chat);
  });
  await until(() => rows.length === 2, "both to be open");
  const drained = own.gateway.drain(performance.now() + 3000);
  // The first one still works, and ends by itself.
  chats[0].write({ text: "b" });
  await until(() => rows.includes("re: b"), "an answer while it drains");
  chats[0].end();
  assert.equal((await ended[0])!.code, status.OK);
  const left = (await ended[1])!;
  assert.deepEqual([left.code, reasonOf(left.trailers)], [status.UNAVAILABLE, "GATEWAY_DRAINING"]);
  await drained;
});

test("a call that nobody answers ends in time, also when the client gives no deadline", async () => {
  const own = await startRig({ timeoutMarginMs: 50 });
  clean.push(() => void own.close());
  const hanging = model();
  const route = serviceRoute("s", [await hanging.listen()], { protocol: "grpc", keepaliveMs: 100 });
  await own.put({ number: ++number, services: [route], groups: [] });
  const outcome = await caller(own).predict({ text: "hang" });
  assert.deepEqual(
    [outcome.code, reasonOf(outcome.trailers)],
    [status.DEADLINE_EXCEEDED, "UPSTREAM_TIMEOUT"],
  );
  await until(() => hanging.cancelled === 1, "the instance's call to be given up");
});
