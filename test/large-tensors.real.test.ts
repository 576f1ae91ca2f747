/**
 * Tensors of many megabytes, those that only claim to be, and calls that end before their answer, through gateway, engine and a ready-made
 * processor. The model gives back what it is sent, at once or after as much computing as is asked for.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { http, Installation, ROOT } from "./harness/installation.ts";
import { loopModel, varint } from "./harness/onnx-loop.ts";
import { until } from "./harness/until.ts";

const MB = 1024 * 1024;
/** Bytes of what claims to be, or is, too large. */
const HUGE = 1_000_000_000;
/** Of 20 MB. */
const LENGTH = 5_000_000;
const large = Buffer.from(Float32Array.from({ length: LENGTH }, (_, i) => (i * 7919) % 10_007).buffer);

const sluice = new Installation({ gatewayWorkers: 1 });
const definition = loadSync(join(ROOT, "test", "fixtures", "inference-protocol", "inference.proto"), {
  longs: Number,
  keepCase: true,
});
// biome-ignore lint/suspicious/noExplicitAny: proto-loader makes the class at run time
const { GRPCInferenceService } = (grpc.loadPackageDefinition(definition) as any).inference;
// biome-ignore lint/suspicious/noExplicitAny: as above
let client: any;
let token = "";
let gateway: URL;

async function modify(rpc: object): Promise<void> {
  const file = join(sluice.home, "big.json");
  const model = join(sluice.home, "big.onnx");
  writeFileSync(model, loopModel());
  const metadata = { instance: 1, cpu: 1, memory: 1024, rpc: { worker_threads: 1, ...rpc } };
  const spec = { name: "big", processor: "onnx", model_path: model, metadata };
  writeFileSync(file, JSON.stringify(spec));
  await sluice.ok(...(client === undefined ? ["create", file] : ["modify", "big", "-s", file]));
}

before(async () => {
  await sluice.start();
  await modify({ keepalive: 60_000 });
  token = (await sluice.service("big")).AccessToken;
  gateway = new URL(sluice.clientConfig().gateway);
  client = new GRPCInferenceService(gateway.host, grpc.credentials.createInsecure(), {
    "grpc.default_authority": "big.sluice",
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1,
    "grpc.enable_retries": 0,
  });
});
after(async () => {
  client?.close();
  await sluice.stop();
});

const tripsOf = (trips: number) => Buffer.from(BigInt64Array.of(BigInt(trips)).buffer);

function requestOf(x: Buffer, trips: number, said: number): object {
  const inputs = [
    { name: "trips", datatype: "INT64", shape: [1] },
    { name: "x", datatype: "FP32", shape: [said] },
  ];
  return { model_name: "big", inputs, raw_input_contents: [tripsOf(trips), x] };
}

interface Ended {
  readonly code: number;
  readonly details: string;
  readonly y: Buffer | null;
}

/** One ModelInfer; `said`: the shape that x is said to have. */
function infer(
  x: Buffer,
  trips: number,
  { said = x.length / 4, ...options }: { readonly said?: number } & grpc.CallOptions = {},
): { readonly call: grpc.ClientUnaryCall; readonly ended: Promise<Ended> } {
  const metadata = new grpc.Metadata();
  metadata.set("authorization", token);
  const request = requestOf(x, trips, said);
  let call!: grpc.ClientUnaryCall;
  const ended = new Promise<Ended>((resolve) => {
    call = client.ModelInfer(
      request,
      metadata,
      options,
      (error: grpc.ServiceError | null, got?: { raw_output_contents: Buffer[] }) =>
        resolve({
          code: error?.code ?? 0,
          details: error?.details ?? "",
          y: got?.raw_output_contents[0] ?? null,
        }),
    );
  });
  return { call, ended };
}

const PATH = "/api/predict/big/v2/models/big/infer";

/** One infer of the REST form with binary tensors; `said` in place of what is true of x. */
function post(x: Buffer, said: { readonly shape?: number; readonly bytes?: number } = {}) {
  const front = JSON.stringify({
    inputs: [
      { name: "trips", datatype: "INT64", shape: [1], data: [0] },
      {
        name: "x",
        datatype: "FP32",
        shape: [said.shape ?? x.length / 4],
        parameters: { binary_data_size: said.bytes ?? x.length },
      },
    ],
    parameters: { binary_data_output: true },
  });
  const headers = { authorization: token, "inference-header-content-length": String(front.length) };
  return http(new URL(PATH, gateway).href, {
    method: "POST",
    headers,
    body: Buffer.concat([Buffer.from(front), x]),
  });
}

async function untilAnswered(): Promise<void> {
  const x = Buffer.from(Float32Array.of(1, 2, 3).buffer);
  const { code, details, y } = await infer(x, 0).ended;
  assert.equal(code, 0, details);
  assert.deepEqual(y, x);
}

/** Most memory that each process of the service's way has had, in bytes, by what it is. */
function peaks(): Readonly<Record<"gateway" | "instance", number>> {
  const found = { gateway: 0, instance: 0 };
  for (const { kind, identity } of sluice.processes()) {
    const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${identity.pid}/status`, "utf8"))!;
    found[kind] = Number(kib) * 1024;
  }
  return found;
}

test("20 MB come back as they were sent, by HTTP and by gRPC", async () => {
  const { status, headers, bytes } = await post(large);
  assert.equal(status, 200, bytes.toString("utf8", 0, 500));
  const front = Number(headers["inference-header-content-length"]);
  const [y] = JSON.parse(bytes.toString("utf8", 0, front)).outputs;
  assert.deepEqual([y.shape, y.parameters.binary_data_size], [[LENGTH], large.length]);
  assert.ok(bytes.subarray(front).equals(large));
  const { code, details, y: back } = await infer(large, 0).ended;
  assert.equal(code, 0, details);
  assert.ok(back!.equals(large));
});

test("what only claims to be 1 GB is refused in a sentence", async () => {
  const few = Buffer.alloc(8);
  const url = new URL(PATH, gateway).href;
  const json = {
    inputs: [
      { name: "trips", datatype: "INT64", shape: [1], data: [0] },
      { name: "x", datatype: "FP32", shape: [HUGE / 4], data: [1, 2] },
    ],
  };
  const byJson = await http(url, {
    method: "POST",
    headers: { authorization: token },
    body: JSON.stringify(json),
  });
  for (const [what, answer, sentence] of [
    ["JSON", byJson, /input "x" has .*250000000/],
    ["shape", await post(few, { shape: HUGE / 4 }), /input "x" has .*250000000/],
    ["bytes", await post(few, { bytes: HUGE }), /input "x".*1000000000/],
    ["both", await post(few, { shape: HUGE / 4, bytes: HUGE }), /input "x".*1000000000/],
  ] as const) {
    assert.equal(answer.status, 400, `${what}: ${answer.body}`);
    assert.match(JSON.parse(answer.body).error, sentence, what);
  }
  const { code, details } = await infer(few, 0, { said: HUGE / 4 }).ended;
  assert.deepEqual(code, grpc.status.INVALID_ARGUMENT, details);
  assert.match(details, /input "x".*250000000/);
  await untilAnswered();
});

/** Sends `head` and then zeros in `pieces` until there is an answer. Gives that and how much was sent. */
async function flood(
  head: string,
  piece: Buffer,
): Promise<{ readonly answer: string; readonly sent: number }> {
  const socket = connect(Number(gateway.port), gateway.hostname);
  let answer = "";
  let isOver = false;
  socket.on("data", (chunk) => (answer += chunk.toString("latin1")));
  socket.on("close", () => (isOver = true));
  socket.on("error", () => {}); // 'close' follows
  socket.write(head);
  let sent = 0;
  await new Promise<void>((resolve) => {
    const more = () => {
      if (isOver || answer !== "" || sent >= HUGE) resolve();
      else if (socket.write(piece, more)) sent += piece.length;
      else sent += piece.length;
    };
    more();
    socket.on("close", resolve);
  });
  await until(() => /\r\n\r\n.*\n$/s.test(answer) || isOver, "the answer", 30_000);
  socket.destroy();
  return { answer, sent };
}

test("1 GB that is really sent is refused by the limit of bodies, and held by nobody", async () => {
  const was = peaks();
  const head = `POST ${PATH} HTTP/1.1\r\nhost: x\r\nauthorization: ${token}\r\n`;
  const zeros = Buffer.alloc(MB);
  const byLength = await flood(`${head}content-length: ${HUGE}\r\n\r\n`, zeros);
  assert.match(byLength.answer, /^HTTP\/1\.1 413 .*x-sluice-reason: BODY_TOO_LARGE/is);
  assert.ok(byLength.sent < 64 * MB, `refused by its head, not after ${byLength.sent} bytes`);
  const flat = peaks();
  assert.ok(flat.instance - was.instance < 64 * MB, `${flat.instance} of ${was.instance}`);
  const chunk = Buffer.concat([Buffer.from("100000\r\n"), zeros, Buffer.from("\r\n")]);
  const byChunks = await flood(`${head}transfer-encoding: chunked\r\n\r\n`, chunk);
  assert.match(byChunks.answer, /^HTTP\/1\.1 413 .*x-sluice-reason: BODY_TOO_LARGE/is);
  assert.ok(byChunks.sent < 400 * MB, `refused at the limit, not after ${byChunks.sent} bytes`);
  const grown = peaks();
  // The gateway passes it on; the engine has what is below the limit, once.
  assert.ok(grown.gateway - was.gateway < 96 * MB, `${grown.gateway} of ${was.gateway}`);
  assert.ok(grown.instance - was.instance < 400 * MB, `${grown.instance} of ${was.instance}`);
  await untilAnswered();
});

/** The end of a call that is no client's of gRPC, so that nothing but what it was answered ends it. */
async function rawCall(bytes: Buffer, more: Readonly<Record<string, string>> = {}) {
  const session = connectHttp2(gateway.origin);
  session.on("error", () => {}); // the answer is missed then
  const stream = session.request({
    ":method": "POST",
    ":path": "/inference.GRPCInferenceService/ModelInfer",
    ":authority": "big.sluice",
    authorization: token,
    "content-type": "application/grpc",
    te: "trailers",
    ...more,
  });
  stream.on("error", () => {});
  const answered = new Promise<NodeJS.Dict<string | string[]>>((resolve, reject) => {
    stream.on("response", resolve);
    stream.on("close", () => reject(new Error("no answer")));
  });
  stream.write(bytes);
  try {
    const found = await answered;
    return { code: Number(found["grpc-status"]), details: decodeURIComponent(String(found["grpc-message"])) };
  } finally {
    session.destroy();
  }
}

function prefix(length: number): Buffer {
  const bytes = Buffer.alloc(5);
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

test("a gRPC message above the limit is RESOURCE_EXHAUSTED as soon as its length is known", async () => {
  const was = peaks();
  const { code, details } = await rawCall(Buffer.concat([prefix(HUGE), Buffer.alloc(MB)]));
  assert.equal(code, grpc.status.RESOURCE_EXHAUSTED);
  assert.match(details, /^the message is larger than \d+ bytes$/);
  assert.ok(peaks().instance - was.instance < 64 * MB);
  await untilAnswered();
});

const values = Buffer.from(new Float32Array(100_000).fill(1).buffer);
/** That nobody waits for. */
const ENDLESS = 1_000_000_000;

/** Trips that take so many ms at least; a busy machine takes longer. */
async function tripsFor(ms: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 3; i++) {
    const from = performance.now();
    assert.equal((await infer(values, 200).ended).code, 0);
    least = Math.min(least, performance.now() - from);
  }
  return Math.ceil((ms / least) * 200);
}

/** Calls with a deadline are sent until one runs into it: so long there is no free thread. */
async function untilHeld(): Promise<void> {
  await until(async () => {
    const { code, details } = await infer(values, 0, { deadline: Date.now() + 250 }).ended;
    assert.ok(code === 0 || code === grpc.status.DEADLINE_EXCEEDED, details);
    return code !== 0;
  }, "the only thread to be taken");
}

test("a call that its client cancels or gives up is never worked on, and its thread is free for the next", async () => {
  const long = infer(values, await tripsFor(3000));
  await untilHeld();
  const waiting = [infer(values, ENDLESS), infer(values, ENDLESS, { deadline: Date.now() + 250 })];
  assert.equal((await waiting[1]!.ended).code, grpc.status.DEADLINE_EXCEEDED);
  const message = GRPCInferenceService.service.ModelInfer.requestSerialize(
    requestOf(values, ENDLESS, 100_000),
  );
  const late = await rawCall(Buffer.concat([prefix(message.length), message]), { "grpc-timeout": "200m" });
  assert.equal(late.code, grpc.status.DEADLINE_EXCEEDED, late.details);
  for (const { call } of [waiting[0]!, long]) call.cancel();
  for (const { ended } of [waiting[0]!, long]) assert.equal((await ended).code, grpc.status.CANCELLED);
  await untilAnswered();
});

const instances = () => sluice.processes().filter(({ kind }) => kind === "instance");

/** A block of snappy (its format_description.txt) that says it has `said` bytes: a zero, and copies of it. */
function zeros(said: number, made = said): Buffer {
  const copies = Buffer.alloc(3 * Math.ceil((made - 1) / 64), Buffer.from([0xfe, 1, 0]));
  return Buffer.concat([varint(said), Buffer.from([0, 0]), copies]);
}

/** One literal of less than 256 bytes. */
const stored = (text: string) =>
  Buffer.concat([varint(text.length), Buffer.from([60 << 2, text.length - 1]), Buffer.from(text)]);

test("what a body of snappy stands for is bounded, and the worker lives on; keepalive is DEADLINE_EXCEEDED", async () => {
  await modify({ keepalive: 3000, decompressor: "snappy" });
  await until(() => instances().length === 1, "the old instance to be gone");
  const was = peaks();
  for (const [body, status, sentence] of [
    [zeros(4_000_000_000, 64), 400, /snappy: it claims 4000000000 bytes, which so short a block cannot hold/],
    [zeros(300_000_000), 413, /decompressed it is longer than \d+ bytes/],
    [zeros(1000, MB), 400, /snappy: /],
    [zeros(8 * MB + 1), 400, /JSON/],
  ] as const) {
    const answer = await sluice.predict("big", body, token);
    assert.equal(answer.status, status, answer.body);
    assert.match(answer.body, sentence);
  }
  // The longest that is taken, and what went before it, compressed.
  assert.ok(peaks().instance - was.instance < 96 * MB);
  const right = await sluice.predict("big", stored('{"inputs": {"trips": [0], "x": [1, 2.5]}}'), token);
  assert.deepEqual([right.status, JSON.parse(right.body)], [200, { outputs: { y: [1, 2.5] } }]);
  const [{ RestartCount }] = (await sluice.json("GET", "/api/v2/services/local/big/instances")).Instances;
  assert.equal(RestartCount, 0);

  const { code, details } = await infer(values, ENDLESS).ended;
  assert.equal(code, grpc.status.DEADLINE_EXCEEDED, details);
  assert.match(details, /metadata\.rpc\.keepalive/);
});
