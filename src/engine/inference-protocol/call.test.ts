/** gRPC calls at an engine's port, with a queue that a test holds in its hands in place of workers. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { type ClientHttp2Session, connect as connectHttp2, constants } from "node:http2";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { deflateSync, gzipSync } from "node:zlib";
import { GRPC } from "../../core/grpc.ts";
import type { ServiceName } from "../../core/names.ts";
import type { Exchange, RequestQueue } from "../exchange.ts";
import { HttpFront } from "../http-front.ts";
import { ENGINE_LIMITS, type EngineLimits } from "../limits.ts";
import { RequestPaths } from "../request-front.ts";
import { ResponseHeads } from "../responses.ts";
import { Tokens } from "../tokens.ts";

const PATH = "/inference.GRPCInferenceService/";
/** ServerLive, and its answer with `live`. */
const EMPTY = Buffer.alloc(5);
const LIVE = "08" + "01";

/** Holds what is submitted until a test answers it. */
class HeldQueue implements RequestQueue {
  queueSizeMax = 8;
  queuedCount = 0;
  busyCount = 0;
  readonly held: Exchange[] = [];
  readonly withdrawn: Exchange[] = [];
  /** What is submitted counts as waiting for a worker. */
  isWaiting = false;
  #wake: (() => void) | null = null;
  add(): void {}
  remove(): void {}
  pump(): void {}
  submit(exchange: Exchange): boolean {
    if (this.held.length >= this.queueSizeMax) return false;
    exchange.isQueued = this.isWaiting;
    this.held.push(exchange);
    this.#wake?.();
    return true;
  }
  withdraw(exchange: Exchange): void {
    this.withdrawn.push(exchange);
    this.#wake?.();
  }
  /** Resolves once `isSo`. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

async function engine(limits: Partial<EngineLimits> = {}, keepaliveMs = 60_000, hasGrpc = true) {
  const queue = new HeldQueue();
  const front = new HttpFront(
    {
      limits: { ...ENGINE_LIMITS, ...limits },
      dispatcher: queue,
      paths: new RequestPaths("svc" as ServiceName),
      tokens: new Tokens({ tokens: ["secret"], isBodyChecked: true }),
      heads: new ResponseHeads("application/json"),
      now: () => performance.now(),
      wallNow: () => Date.now(),
      tell: () => {},
      hasGrpc,
    },
    keepaliveMs,
  );
  const port = await front.listenOnPort();
  ends.push(() => front.close());
  return { queue, front, port };
}

interface Outcome {
  readonly status: number;
  readonly text: string;
  readonly reason: string | undefined;
  readonly message: string | null;
  readonly http: number;
}

function client(port: number): ClientHttp2Session {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on("error", () => {});
  ends.push(() => session.destroy());
  return session;
}

/** One call; `pieces` are what is sent, one write each. */
function call(
  session: ClientHttp2Session,
  { path = `${PATH}ServerLive`, fields = {}, pieces = [EMPTY] as Buffer[], isEnded = true } = {},
) {
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
    authorization: "secret",
    ...fields,
  });
  const parts: Buffer[] = [];
  let head: Record<string, unknown> = {};
  let trailers: Record<string, unknown> = {};
  stream.on("response", (found) => (head = found));
  stream.on("trailers", (found) => (trailers = found));
  stream.on("data", (part: Buffer) => parts.push(part));
  stream.on("error", () => {});
  for (const piece of pieces) stream.write(piece);
  if (isEnded) stream.end();
  const outcome = new Promise<Outcome>((resolve) => {
    stream.on("close", () => {
      const all = { ...head, ...trailers };
      const body = Buffer.concat(parts);
      resolve({
        status: Number(all["grpc-status"] ?? -1),
        text: decodeURIComponent(String(all["grpc-message"] ?? "")),
        reason: all["x-sluice-reason"] as string | undefined,
        message: body.length === 0 ? null : body.subarray(5).toString("hex"),
        http: Number(head[":status"]),
      });
    });
  });
  return { stream, outcome };
}

const answerLive = (exchange: Exchange) => {
  const body = Buffer.from('{"live": true}');
  exchange.answered(200, "content-type: application/json\n", body, 0, body.length);
};
const ok = { status: GRPC.OK, text: "", reason: undefined, message: LIVE, http: 200 };

test("a call is a request to a worker, and its answer a message", async () => {
  const { queue, port } = await engine();
  const session = client(port);
  for (const path of [`${PATH}ServerLive`, `/api/predict/svc${PATH}ServerLive`]) {
    const { outcome } = call(session, { path });
    await queue.until(() => queue.held.length > 0);
    const exchange = queue.held.pop()!;
    const { front, frontBytes } = exchange.payload;
    assert.equal(front.toString("latin1", 2, frontBytes), "GET /v2/health/live\n");
    answerLive(exchange);
    assert.deepEqual(await outcome, ok);
  }
});

test("a gateway is told how long a call waited in the queue, also one that is refused; a direct caller is not", async (t) => {
  const { queue, front, port } = await engine();
  const folder = mkdtempSync(join(tmpdir(), "sluice-call-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "data.sock");
  await front.listenOnSocket(path);
  const viaGateway = connectHttp2("http://instance", { createConnection: () => connect(path) });
  ends.push(() => viaGateway.destroy());
  const toldOf = async (
    session: ClientHttp2Session,
    isWaiting: boolean,
    end: (exchange: Exchange) => void,
  ) => {
    queue.isWaiting = isWaiting;
    const { stream, outcome } = call(session);
    let told: unknown;
    stream.on("response", (fields) => {
      told = fields["x-sluice-queue-us"];
    });
    await queue.until(() => queue.held.length > 0);
    const exchange = queue.held.pop()!;
    if (isWaiting) exchange.leftQueue();
    end(exchange);
    await outcome;
    return told === undefined ? 0 : Number(told);
  };
  assert.ok((await toldOf(viaGateway, true, answerLive)) >= 1);
  assert.ok((await toldOf(viaGateway, true, (exchange) => exchange.workerDied())) >= 1);
  assert.equal(await toldOf(viaGateway, false, answerLive), 0, "it did not wait");
  assert.equal(await toldOf(client(port), true, answerLive), 0, "nobody else's business");
});

test("messages come in any pieces, and compressed; also beside HTTP/1.1 on the same port", async () => {
  const { queue, port } = await engine();
  const session = client(port);
  const named = Buffer.from("0a016d", "hex");
  const prefixed = (flag: number, message: Buffer) => {
    const front = Buffer.alloc(5);
    front[0] = flag;
    front.writeUInt32BE(message.length, 1);
    return Buffer.concat([front, message]);
  };
  const whole = prefixed(0, named);
  const cases = [
    { pieces: [...whole].map((byte) => Buffer.from([byte])) },
    { pieces: [whole.subarray(0, 3), whole.subarray(3)] },
    { pieces: [prefixed(1, gzipSync(named))], fields: { "grpc-encoding": "gzip" } },
    { pieces: [prefixed(1, deflateSync(named))], fields: { "grpc-encoding": "deflate" } },
  ];
  for (const one of cases) {
    const { outcome } = call(session, { path: `${PATH}ModelReady`, ...one });
    await queue.until(() => queue.held.length > 0);
    const exchange = queue.held.pop()!;
    assert.match(exchange.payload.front.toString("latin1"), /GET \/v2\/models\/m\/ready/);
    const body = Buffer.from('{"name": "m", "ready": true}');
    exchange.answered(200, "", body, 0, body.length);
    assert.equal((await outcome).message, LIVE);
  }
  const plain = fetch(`http://127.0.0.1:${port}/v2/health/live`, { headers: { authorization: "secret" } });
  await queue.until(() => queue.held.length > 0);
  answerLive(queue.held.pop()!);
  assert.equal(await (await plain).text(), '{"live": true}');
});

test("what is refused says why, by gRPC's statuses", async () => {
  const { queue, front, port } = await engine({ bodyBytesMax: 1000 });
  const session = client(port);
  const refused = async (how: Parameters<typeof call>[1]) => {
    const { status, text, reason } = await call(session, how).outcome;
    return [status, reason, text] as const;
  };
  const long = Buffer.from([0, 0, 0, 4, 0]);
  const bomb = gzipSync(Buffer.alloc(100_000));
  const bombs = Buffer.concat([Buffer.from([1, 0, 0, 0, bomb.length]), bomb]);
  const cases: [Parameters<typeof call>[1], number, string | undefined, RegExp][] = [
    [{ fields: { authorization: "no" } }, GRPC.UNAUTHENTICATED, "TOKEN_REQUIRED", /token/],
    [{ path: "/api/predict/other/x" }, GRPC.NOT_FOUND, "ROUTE_NOT_FOUND", /address/],
    [{ path: `${PATH}ModelStreamInfer` }, GRPC.UNIMPLEMENTED, undefined, /there is .*ModelInfer/],
    [{ path: "/" }, GRPC.UNIMPLEMENTED, undefined, /no such method/],
    [{ pieces: [long] }, GRPC.RESOURCE_EXHAUSTED, undefined, /larger than 1000 bytes/],
    [
      { pieces: [bombs], fields: { "grpc-encoding": "gzip" } },
      GRPC.RESOURCE_EXHAUSTED,
      undefined,
      /larger than 1000/,
    ],
    [
      { pieces: [Buffer.from([1, 0, 0, 0, 1, 9])], fields: { "grpc-encoding": "gzip" } },
      GRPC.INVALID_ARGUMENT,
      undefined,
      /not gzip/,
    ],
    [
      { pieces: [Buffer.from([1, 0, 0, 0, 0])], fields: { "grpc-encoding": "br" } },
      GRPC.UNIMPLEMENTED,
      undefined,
      /allowed: identity, gzip, deflate/,
    ],
    [{ pieces: [] }, GRPC.INVALID_ARGUMENT, undefined, /ends before its message/],
    [
      { pieces: [Buffer.from([0, 0, 0, 0, 9, 1])] },
      GRPC.INVALID_ARGUMENT,
      undefined,
      /ends before its message/,
    ],
    [{ pieces: [EMPTY, EMPTY] }, GRPC.UNIMPLEMENTED, undefined, /more than one message/],
    [
      { path: `${PATH}ModelInfer`, pieces: [Buffer.from([0, 0, 0, 0, 1, 0x0a])] },
      GRPC.INVALID_ARGUMENT,
      undefined,
      /ModelInfer cannot be read/,
    ],
  ];
  for (const [how, status, reason, text] of cases) {
    const found = await refused(how);
    assert.deepEqual([found[0], found[1]], [status, reason], found[2]);
    assert.match(found[2], text);
  }
  assert.equal(queue.held.length, 0);
  const page = await call(session, { fields: { "content-type": "text/plain" } }).outcome;
  assert.deepEqual([page.http, page.reason], [415, "PROTOCOL_MISMATCH"]);
  queue.queueSizeMax = 0;
  assert.deepEqual((await refused({})).slice(0, 2), [GRPC.RESOURCE_EXHAUSTED, "QUEUE_FULL"]);
  assert.equal(front.hasWork, false);
});

test("a call's end, whoever brings it", async () => {
  const { queue, front, port } = await engine();
  const session = client(port);
  const begun = async (how?: Parameters<typeof call>[1]) => {
    const made = call(session, how);
    await queue.until(() => queue.held.length > 0);
    return { ...made, exchange: queue.held.pop()! };
  };
  const timed = await begun({ fields: { "grpc-timeout": "50m" } });
  assert.ok(timed.exchange.deadlineMs < performance.now() + 1000);
  const late = await timed.outcome;
  assert.deepEqual([late.status, late.reason], [GRPC.DEADLINE_EXCEEDED, "KEEPALIVE_EXCEEDED"]);
  assert.equal(queue.withdrawn.pop(), timed.exchange);

  const died = await begun();
  died.exchange.workerDied();
  const { status, reason } = await died.outcome;
  assert.deepEqual([status, reason], [GRPC.INTERNAL, "WORKER_DIED"]);

  const wrong = await begun();
  wrong.exchange.refused(400, Buffer.from("größer: 100 %"));
  assert.equal((await wrong.outcome).text, "größer: 100 %");

  const left = await begun();
  left.stream.close(constants.NGHTTP2_CANCEL);
  await queue.until(() => queue.withdrawn.length > 0);
  assert.equal(queue.withdrawn.pop(), left.exchange);
  answerLive(left.exchange); // nobody is there, and nothing happens

  const open = await begun();
  front.refuseAll();
  const end = await open.outcome;
  assert.deepEqual([end.status, end.reason], [GRPC.UNAVAILABLE, "INSTANCE_DRAINING"]);
});

test("metadata.rpc.keepalive ends a call, and one whose message never comes", async () => {
  const { queue, port } = await engine({}, 60);
  const session = client(port);
  const silent = await call(session, { pieces: [EMPTY.subarray(0, 2)], isEnded: false }).outcome;
  assert.equal(silent.status, GRPC.DEADLINE_EXCEEDED);
  const asked = await call(session).outcome;
  assert.equal(asked.status, GRPC.DEADLINE_EXCEEDED);
  assert.equal(queue.withdrawn.length, 1);
});

test("bodies that are held together are bounded, and given back", async () => {
  const { queue, port } = await engine({ heldBodyBytesMax: 100 });
  const session = client(port);
  const message = Buffer.concat([
    Buffer.from([0, 0, 0, 0, 60]),
    Buffer.from([0x0a, 58]),
    Buffer.alloc(58, 0x61),
  ]);
  const how = { path: `${PATH}ModelReady`, pieces: [message] };
  const first = call(session, how);
  await queue.until(() => queue.held.length > 0);
  const second = await call(session, how).outcome;
  assert.deepEqual([second.status, second.message], [GRPC.RESOURCE_EXHAUSTED, null]);
  const body = Buffer.from('{"ready": true}');
  queue.held.pop()!.answered(200, "", body, 0, body.length);
  assert.equal((await first.outcome).message, LIVE);
  const third = call(session, how);
  await queue.until(() => queue.held.length > 0);
  queue.held.pop()!.answered(200, "", body, 0, body.length);
  assert.equal((await third.outcome).message, LIVE);
});

test("a draining engine finishes its calls and takes no more on the connection", async () => {
  const { queue, front, port } = await engine();
  const session = client(port);
  const { outcome } = call(session);
  await queue.until(() => queue.held.length > 0);
  front.isDraining = true;
  front.stopListening();
  const ended = new Promise((resolve) => session.on("close", resolve));
  answerLive(queue.held.pop()!);
  assert.deepEqual(await outcome, ok);
  await ended;
});

test("the preface is HTTP/2 only where there is gRPC, and only as the first of a connection", async () => {
  const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  const said = (port: number, ...texts: string[]) =>
    new Promise<string>((resolve, reject) => {
      const socket: Socket = connect(port, "127.0.0.1", () => {
        for (const text of texts) socket.write(text);
      });
      let all = "";
      socket.on("data", (part: Buffer) => {
        all += part.toString("latin1");
        if (all.includes("\r\n\r\n")) socket.end();
      });
      socket.on("close", () => resolve(all));
      socket.on("error", reject);
      ends.push(() => socket.destroy());
    });
  const without = await engine({}, 60_000, false);
  assert.match(await said(without.port, preface), /^HTTP\/1\.1 (400|505) /);
  const { port } = await engine();
  assert.match(await said(port, `GET /x HTTP/1.1\r\nhost: a\r\n\r\n${preface}`), /^HTTP\/1\.1 401 /);
});
