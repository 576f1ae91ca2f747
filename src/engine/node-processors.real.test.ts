/** Processors in TypeScript and JavaScript: forms of modules and answers, answers in parts, and modules that do what they must not. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { EngineInstance, eventually, type InstanceOptions } from "../testing/engine-instance.ts";
import { answerOf, type PeerSpec, WorkerPeer } from "../testing/worker-peer.ts";
import { encodeFrame, FRAME } from "./frames.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-node-"));
after(() => rmSync(folder, { recursive: true, force: true }));

function module(entry: string, source: string): string {
  mkdirSync(dirname(join(folder, entry)), { recursive: true });
  writeFileSync(join(folder, entry), source);
  return entry;
}

const specOf = (entry: string): PeerSpec => ({
  processor: { kind: "custom", language: "node", dir: folder, entry },
  model: { path: "/the/model", entry: null, config: '{"k": 1}' },
  rpc: { workerThreads: 2, maxQueueSize: 64, keepaliveMs: 5000, batching: { sizeMax: 8, waitMsMax: 0 } },
  limits: { cpu: 1, memoryMb: 128 },
});

async function peerOf(t: TestContext, entry: string): Promise<WorkerPeer> {
  const peer = await WorkerPeer.start(specOf(entry));
  t.after(() => peer.dispose());
  return peer;
}

async function started(
  t: TestContext,
  entry: string,
  options: Partial<InstanceOptions> = {},
): Promise<EngineInstance> {
  const instance = new EngineInstance({
    processor: { kind: "custom", language: "node", dir: folder, entry },
    ...options,
    limits: { workerDeathsMax: 100, ...options.limits },
  });
  t.after(() => instance.dispose());
  await instance.ready();
  return instance;
}

test("what process returns decides the answer, and what it throws is 400; others are 500 with what is allowed", async (t) => {
  const entry = module(
    "answers.ts",
    `import type { Answer, Request } from "./processor.d.ts";
class Odd { toJSON() { return undefined; } }
const ANSWERS: Record<string, () => Answer> = {
  bytes: () => new Uint8Array([104, 105]),
  buffer: () => new TextEncoder().encode("hi").buffer,
  text: () => "grüße",
  object: () => ({ status: "fine", body: 1 }),
  list: () => [1, "a"],
  full: () => ({ status: 418, body: "tea", headers: { "X-Pot": "a" } }),
  typed: () => ({ status: 200, body: "<p>", headers: { "Content-Type": "text/html" } }),
  nothing: () => undefined as never,
  number: () => 7 as never,
  status: () => ({ status: 99, body: "" }),
  header: () => ({ status: 200, body: "", headers: { "X-A": "1\\r\\nX-B: 2" } }),
  odd: () => new Odd(),
  bigint: () => ({ n: 1n }),
  circle: () => { const a: { a?: object } = {}; a.a = a; return a; },
  cookies: () => ({ status: 200, body: "", headers: { "Set-Cookie": ["a=1", "b=2"] } }),
  throws: () => { throw new SyntaxError("no\\n  such row"); },
  string: () => { throw "just words"; },
  memory: () => Buffer.alloc(2 ** 52),
};
export async function process(body: Buffer, request: Request): Promise<Answer> {
  const word = body.toString();
  if (word === "request") return [request.method, request.path, request.headers["x-a"], request.headers.absent ?? null, request.signal.aborted, (request.deadline ?? 0) > performance.now()];
  return ANSWERS[word]!();
}
`,
  );
  const instance = await started(t, entry);
  const EXPECTED: readonly (readonly [string, number, string, string | RegExp])[] = [
    ["bytes", 200, "application/octet-stream", "hi"],
    ["buffer", 200, "application/octet-stream", "hi"],
    ["text", 200, "text/plain; charset=utf-8", "grüße"],
    ["object", 200, "application/json", '{"status":"fine","body":1}'],
    ["list", 200, "application/json", '[1,"a"]'],
    ["full", 418, "text/plain; charset=utf-8", "tea"],
    ["typed", 200, "text/html", "<p>"],
    ["nothing", 500, "", /^process returned undefined; allowed: bytes, a string, an object or list, /],
    ["number", 500, "", /^process returned a number; allowed/],
    ["status", 500, "", /^process returned the status 99; allowed: a whole number from 200 to 599$/],
    [
      "header",
      500,
      "",
      /^process returned a response header that is not a name and one line of latin1: X-A$/,
    ],
    ["odd", 500, "", /^process returned Odd, which has no JSON$/],
    ["bigint", 500, "", /^process returned Object, which cannot be sent as JSON: .*BigInt/],
    [
      "circle",
      500,
      "",
      /^process returned Object, which cannot be sent as JSON: Converting circular structure/,
    ],
    ["throws", 400, "", "SyntaxError: no such row"],
    ["string", 400, "", "thrown: just words"],
    ["memory", 500, "", "the processor ran out of memory for this request; metadata.memory is 512 MB"],
    ["unknown", 400, "", /^TypeError: /],
  ];
  for (const [word, status, type, text] of EXPECTED) {
    const answer = await instance.call(word);
    assert.equal(answer.status, status, `${word}: ${answer.body}`);
    if (type !== "") assert.equal(answer.headers["content-type"], type);
    if (typeof text === "string") assert.equal(answer.body.toString(), text);
    else assert.match(answer.body.toString(), text);
  }
  assert.equal((await instance.call("full")).headers["x-pot"], "a");
  assert.deepEqual((await instance.call("cookies")).headers["set-cookie"], ["a=1", "b=2"]);
  const answer = await instance.call("request", "/api/predict/svc/deep?q=1", { "X-A": "b" });
  assert.deepEqual(JSON.parse(answer.body.toString()), ["POST", "/deep?q=1", "b", null, false, true]);
});

test("modules of every form are run: ES and CommonJS, JavaScript and TypeScript, with packages of their own", async (t) => {
  module("node_modules/greet/package.json", '{ "name": "greet", "main": "index.js" }');
  module("node_modules/greet/index.js", "exports.greet = (name) => 'hello ' + name;\n");
  module("commonjs/package.json", '{ "type": "commonjs" }');
  module("esm/package.json", '{ "type": "module" }');
  const esm = `import { greet } from "greet";
let model;
export const initialize = (given) => { model = given; };
export const process = (body) => greet(body) + " " + [model.path, model.entry, model.config];
`;
  const commonjs = `const { greet } = require("greet");
module.exports = {
  initialize(given) { this.model = given; },
  process(body) { return greet(body) + " " + [this.model.path, this.model.entry, this.model.config]; },
};
`;
  const FORMS: Readonly<Record<string, string>> = {
    "a.mjs": esm,
    "b.mts": esm,
    "esm/c.js": esm,
    "d.ts": esm,
    "e.cjs": commonjs,
    "commonjs/f.js": commonjs,
    "g.mjs":
      "import { greet } from 'greet';\nexport default { async process(body) { return greet(body) + ' /the/model,/the/model,{\"k\": 1}'; } };\n",
  };
  for (const [entry, source] of Object.entries(FORMS)) {
    const peer = await peerOf(t, module(entry, source));
    const ready = await peer.init(specOf(entry));
    assert.equal(ready.type, FRAME.READY, `${entry}: ${ready.payload}`);
    peer.send(peer.request(1, "you"));
    assert.equal(answerOf(await peer.take(1)).body, 'hello you /the/model,/the/model,{"k": 1}', entry);
  }
});

test("what cannot be loaded fails the start with one sentence", async (t) => {
  const BROKEN: readonly (readonly [string, string, RegExp])[] = [
    ["x.py", "", /^x\.py is no module that Node runs; allowed: a file that ends with \.ts, /],
    ["syntax.ts", "const a = 1;\nexport const process = (;\n", /^SyntaxError: .* \(syntax\.ts:2\)$/],
    ["enum.ts", "enum A { B }\nexport const process = () => A.B;\n", /^SyntaxError: .*enum is not supported/],
    ["missing.ts", "import 'no-such-package';\n", /^Error: Cannot find package 'no-such-package'/],
    ["empty.ts", "export {};\n", /^empty\.ts exports no function process\(body, request\)$/],
    ["number.ts", "export const process = 1;\n", /^process of number\.ts is not a function$/],
    ["later.ts", "await null;\nthrow new Error('later');\n", /^Error: later \(later\.ts:2\)$/],
    [
      "init.ts",
      "export async function initialize() {\n  throw new RangeError('no weights');\n}\nexport const process = () => '';\n",
      /^RangeError: no weights \(init\.ts:2\)$/,
    ],
    [
      "timer.ts",
      "setTimeout(() => { throw new Error('aside'); });\nawait new Promise(() => {});\n",
      /^Error: aside \(timer\.ts:1\)$/,
    ],
  ];
  for (const [entry, source, message] of BROKEN) {
    const peer = await peerOf(t, module(entry, source));
    const frame = await peer.init(specOf(entry));
    assert.equal(frame.type, FRAME.FAILED, entry);
    assert.match(JSON.parse(frame.payload.toString()).message, message);
    assert.equal((await peer.exited).code, 1);
  }
  const absent = await peerOf(t, "absent.ts");
  assert.match(
    (await absent.init(specOf("absent.ts"))).payload.toString(),
    /there is no file absent\.ts in /,
  );
  const entry = module("leaves.ts", "process.exit(0);\n");
  const instance = new EngineInstance({
    processor: { kind: "custom", language: "node", dir: folder, entry },
  });
  t.after(() => instance.dispose());
  await instance.exited;
  assert.match(
    instance.exit!.message,
    /exited with code 0 before it was ready: the processor ended the worker by process\.exit\(0\)$/,
  );
});

test("rows of a batch: an Error refuses one, a throw has each tried alone, another number of answers is 500 for all", async (t) => {
  const entry = module(
    "batches.ts",
    `export const process = (body: Buffer) => {
  if (String(body) === "bad") throw new Error("bad alone");
  return "alone " + body;
};
export async function processBatch(bodies: Buffer[]) {
  if (bodies.some((body) => String(body) === "bad")) throw new Error("bad together");
  if (bodies.some((body) => String(body) === "few")) return [];
  return bodies.map((body) => (String(body) === "no" ? new RangeError("not this one") : "together " + body));
}
`,
  );
  const peer = await peerOf(t, entry);
  assert.equal(JSON.parse((await peer.init(specOf(entry))).payload.toString()).batch, true);
  const ask = async (...words: string[]) => {
    peer.send(peer.batch(words.map((word, i) => ({ id: i + 1, body: word }))));
    const answers = [];
    for (const [i] of words.entries()) {
      const { status, body } = answerOf(await peer.take(i + 1));
      answers.push(`${status} ${body}`);
    }
    return answers;
  };
  assert.deepEqual(await ask("a", "no", "b"), [
    "200 together a",
    "400 RangeError: not this one",
    "200 together b",
  ]);
  assert.deepEqual(await ask("a", "bad"), ["200 alone a", "400 Error: bad alone"]);
  assert.match(
    (await ask("a", "few"))[0]!,
    /^500 processBatch returned 0 answers; allowed: a list of 2 answers$/,
  );
  assert.deepEqual(await ask("bad"), ["400 Error: bad together"]);
});

test("an answer in parts waits for credit, ends when it is cancelled, and says why it broke off", async (t) => {
  const entry = module(
    "parts.ts",
    `let closed = 0;
export async function* process(body: Buffer) {
  const word = String(body);
  if (word === "closed") { yield String(closed); return; }
  if (word === "early") throw new Error("before the first");
  try {
    yield "first ";
    if (word === "late") throw new Error("after the first");
    if (word === "much") for (let i = 0; i < 10; i++) yield Buffer.alloc(100_000, 48 + i);
    if (word === "endless") for (;;) yield Buffer.alloc(1000);
    if (word === "wrong") yield 5 as never;
    yield "last";
  } finally {
    closed++;
  }
}
`,
  );
  const PART = 0x86;
  const END = 0x87;
  const CREDIT = 0x07;
  const peer = await peerOf(t, entry);
  await peer.init(specOf(entry));
  const ask = (id: number, word: string) => peer.send(peer.request(id, word));
  /** Takes frames of a request until END, or until there is no more without credit. */
  const gather = async (id: number, bytes: number) => {
    let text = "";
    while (text.length < bytes) {
      const { type, payload } = await peer.take(id);
      if (type === END) return { text, end: payload.toString() };
      assert.equal(type, PART);
      text += payload.toString("latin1");
    }
    return { text, end: null };
  };
  ask(1, "few");
  const first = await peer.take(1);
  assert.equal(first.type, FRAME.RESPONSE);
  assert.equal(first.payload.readUInt16LE(0), 200 | 0x8000);
  assert.match(first.payload.toString(), /content-type: text\/plain; charset=utf-8\n$/);
  assert.deepEqual(await gather(1, Number.POSITIVE_INFINITY), { text: "first last", end: "" });

  ask(2, "much");
  await peer.take(2);
  const window = await gather(2, 256 * 1024);
  assert.equal(window.text.length, 256 * 1024, "not a byte more than the window");
  ask(3, "few"); // answered meanwhile, so that the other has had its time
  await peer.take(3);
  await gather(3, Number.POSITIVE_INFINITY);
  assert.ok(!peer.frames.some((frame) => frame.id === 2));
  const credit = Buffer.alloc(4);
  credit.writeUInt32LE(10_000_000);
  peer.send(encodeFrame(CREDIT, 2, credit));
  const rest = await gather(2, Number.POSITIVE_INFINITY);
  assert.equal(window.text.length + rest.text.length, 6 + 1_000_000 + 4);
  assert.ok(rest.text.endsWith("99last") && rest.end === "");

  ask(4, "endless");
  await peer.take(4);
  await gather(4, 256 * 1024);
  peer.send(encodeFrame(FRAME.CANCEL, 4, Buffer.alloc(0)));
  assert.equal((await peer.take(4)).type, END);
  ask(5, "closed");
  await peer.take(5);
  assert.equal((await gather(5, 1)).text, "4", "the generator's finally has run for each");
  await peer.take(5);

  ask(6, "early");
  assert.deepEqual(answerOf(await peer.take(6)), { status: 400, head: "", body: "Error: before the first" });
  for (const [word, why] of [
    ["late", "Error: after the first"],
    ["wrong", "BadAnswer: process gave a part that is number; allowed: strings and bytes"],
  ]) {
    ask(7, word!);
    await peer.take(7);
    assert.deepEqual(await gather(7, Number.POSITIVE_INFINITY), { text: "first ", end: why });
  }
});

test("a client gets an answer in parts as one chunked body, and a cut connection when it breaks off", async (t) => {
  const entry = module(
    "chunks.ts",
    `export async function* process(body: Buffer) {
  for (let i = 0; i < 10; i++) yield Buffer.alloc(100_000, 48 + i);
  if (String(body) === "late") throw new Error("after them");
}
`,
  );
  const instance = await started(t, entry);
  const answer = await instance.call("fine");
  assert.equal(answer.headers["transfer-encoding"], "chunked");
  assert.equal(answer.body.length, 1_000_000);
  assert.ok(answer.body.toString("latin1").endsWith("99"));
  await assert.rejects(instance.call("late"));
  assert.equal((await instance.call("fine")).status, 200);
  assert.equal(instance.state?.workerRestarts, 0);
});

test("a failure outside of a request, and process.exit, end the worker: 500 for what it held, told in the log, and the next one serves", async (t) => {
  const entry = module(
    "deadly.ts",
    `export async function process(body: Buffer) {
  const word = String(body);
  if (word === "fine") return word;
  if (word === "timer") setTimeout(() => { throw new Error("in a timer"); });
  if (word === "promise") void Promise.reject(new TypeError("nobody waits"));
  if (word === "exit") globalThis.process.exit(3);
  if (word === "heap") for (const rows: number[][] = [];;) rows.push(Array.from({ length: 1000 }, Math.random));
  return new Promise<never>(() => {});
}
`,
  );
  const instance = await started(t, entry, { memoryMb: 100 });
  const DEADLY: readonly (readonly [string, RegExp])[] = [
    ["timer", /the processor failed outside of a request: Error: in a timer \(deadly\.ts:4\)$/m],
    ["promise", /the processor failed outside of a request: TypeError: nobody waits \(deadly\.ts:5\)$/m],
    ["exit", /the processor ended the worker by process\.exit\(3\)$/m],
    ["heap", /the processor worker was ended by SIGABRT, out of memory$/m],
  ];
  for (const [n, [word, line]] of DEADLY.entries()) {
    const answer = await instance.call(word);
    assert.equal(answer.status, 500, `${word}: ${answer.body}`);
    assert.equal(answer.headers["x-sluice-reason"], "WORKER_DIED", word);
    assert.equal((await instance.call("fine")).body.toString(), "fine");
    await eventually(`${line} for ${word} in ${instance.logText}`, () => line.test(instance.logText));
    assert.equal(instance.state?.workerRestarts, n + 1, word);
  }
});

test("an endless loop is 408 for what it holds, and the worker is ended and started again", async (t) => {
  const entry = module(
    "loops.ts",
    `export function process(body: Buffer) {
  if (String(body) === "loop") for (;;);
  return body;
}
`,
  );
  const rpc = { workerThreads: 2, keepaliveMs: 300 };
  const instance = await started(t, entry, { rpc, limits: { workerHungMs: 500 } });
  const answers = await Promise.all(["loop", "loop"].map((word) => instance.call(word)));
  assert.deepEqual(
    answers.map((answer) => answer.status),
    [408, 408],
  );
  await instance.until("the next worker", (state) => state.workerRestarts === 1 && state.workersReady === 1);
  assert.equal((await instance.call("fine")).status, 200);
});

test("cancelling aborts the request's signal, and its answer is dropped", async (t) => {
  const entry = module(
    "waits.ts",
    `import { setTimeout as pause } from "node:timers/promises";
export async function process(body: Buffer, { signal }) {
  console.log("begun");
  await pause(60_000, null, { signal });
  return body;
}
`,
  );
  const peer = await peerOf(t, entry);
  await peer.init(specOf(entry));
  peer.send(peer.request(1, "x"));
  await eventually("the request to be begun", () => peer.output.includes("begun"));
  peer.send(encodeFrame(FRAME.CANCEL, 1, Buffer.alloc(0)));
  assert.equal(answerOf(await peer.take(1)).status, 408);
});

test("a worker in an endless loop ends with its engine", async (t) => {
  const entry = module("spins.ts", "export function process() {\n  for (;;);\n}\n");
  const instance = await started(t, entry);
  const [pid] = instance.workerPids;
  void instance.call("x").catch(() => {});
  const before = instance.cpuTicks(pid!);
  await eventually("the loop", () => instance.cpuTicks(pid!) > before + 5);
  instance.process.kill("SIGKILL");
  await eventually("the worker to end", () => !isRunning(pid!));
});

/** A process without a parent may stay as a zombie until init looks. */
function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
}
