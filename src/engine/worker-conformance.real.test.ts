/** What every processor worker must do, whatever its language: docs/internals/protocols.md, tried on real processes. */
import assert from "node:assert/strict";
import { after, describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { compileJava } from "../testing/java-processor.ts";
import { answerOf, appFolder, type PeerSpec, WorkerPeer } from "../testing/worker-peer.ts";
import { encodeFrame, FRAME } from "./frames.ts";

const PMML = fileURLToPath(new URL("../../processors/java/src/test/resources/heart.pmml", import.meta.url));
const ROW = { age: 54.5, vessels: 1, chol: 210, pain: "typical", smoker: true };
/** Logistic regression of heart.pmml by hand, for `n` vessels. */
const expected = (vessels: number) =>
  1 / (1 + Math.exp(-(-4.25 + 0.03125 * 54.5 + 0.7 * vessels + 0.004 * 210 + 1.1 + 0.5)));

const app = appFolder(`
import time

def process(data, headers):
    if data == b"bad":
        raise ValueError("this is bad")
    if data.startswith(b"slow"):
        time.sleep(0.2)
    return data[::-1]

def describe():
    return {"inputs": ["bytes"]}
`);
const broken = appFolder("raise OSError('no weights here')\n");
const cppApp = appFolder(
  `
#include <sluice_processor.h>
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>

static int give(const std::string &text, void **output, int *size) {
  *output = std::malloc(text.size());
  std::memcpy(*output, text.data(), text.size());
  *size = static_cast<int>(text.size());
  return 200;
}

void *initialize(const char *entry, const char *, int *state) {
  *state = std::string(entry) == "" ? 0 : 7;
  return nullptr;
}

int process(void *, const void *input, int input_size, void **output, int *output_size) {
  std::string text(static_cast<const char *>(input), input_size);
  if (text == "bad") throw std::invalid_argument("this is bad");
  if (text.rfind("slow", 0) == 0) std::this_thread::sleep_for(std::chrono::milliseconds(200));
  std::reverse(text.begin(), text.end());
  return give(text, output, output_size);
}

int describe(void *, void **output, int *output_size) {
  return give("{\\"inputs\\": [\\"bytes\\"]}", output, output_size);
}
`,
  "app.cpp",
);
const nodeApp = appFolder(
  `
import { setTimeout as pause } from "node:timers/promises";
export async function process(body: Buffer): Promise<Buffer> {
  const text = body.toString("latin1");
  if (text === "bad") throw new TypeError("this is bad");
  if (text.startsWith("slow")) await pause(200);
  return body.reverse();
}
export const describe = () => ({ inputs: ["bytes"] });
`,
  "app.ts",
);
const nodeBroken = appFolder(
  "export const process = 1;\n\nthrow new RangeError('no weights here');\n",
  "app.ts",
);
const java = compileJava();
after(() => {
  java.remove();
  for (const folder of [app, broken, cppApp, nodeApp, nodeBroken]) folder.remove();
});

const nameOf = ({ name }: { readonly name: string }) => name;

const THREADS = 4;
const rest = {
  rpc: { workerThreads: THREADS, maxQueueSize: 64, keepaliveMs: 5000 },
  limits: { cpu: 1, memoryMb: 256 },
};
const none = { path: null, entry: null, config: null };
const file = (path: string) => ({ path, entry: path, config: null });
const python = (dir: string): PeerSpec => ({
  processor: { kind: "custom", language: "python", dir, entry: "app.py" },
  model: none,
  ...rest,
});
const native = (
  language: "cpp" | "node",
  dir: string,
  entry: string,
  model: PeerSpec["model"] = none,
): PeerSpec => ({
  processor: { kind: "custom", language, dir, entry },
  model,
  ...rest,
});
const custom = (model: string | null): PeerSpec => ({
  processor: {
    kind: "custom",
    language: "java",
    dir: java.jar,
    entry: null,
    mainClass: "odd.Echo",
    jvmOptions: [],
  },
  model: { ...none, path: model },
  ...rest,
});
const pmml = (path: string): PeerSpec => ({
  processor: { kind: "builtin", code: "pmml", family: "pmml" },
  model: file(path),
  ...rest,
});

interface Kind {
  readonly name: string;
  readonly spec: PeerSpec;
  readonly brokenSpec: PeerSpec;
  readonly brokenMessage: RegExp;
  body(n: number): string;
  check(n: number, body: string): void;
  readonly badBody: string;
  readonly badMessage: RegExp;
  readonly longBody: string;
}

/** Answers with the body from its end to its beginning, after a while when it begins with "slow". */
const mirror = (badMessage: RegExp) => ({
  body: (n: number) => `slow${n}`,
  check: (n: number, body: string) => assert.equal(body, [...`slow${n}`].reverse().join("")),
  badBody: "bad",
  badMessage,
  longBody: "x".repeat(20_000_000),
});

const KINDS: readonly Kind[] = [
  {
    name: "python",
    spec: python(app.dir),
    brokenSpec: python(broken.dir),
    brokenMessage: /^OSError: no weights here \(app\.py:1\)$/,
    ...mirror(/^ValueError: this is bad$/),
  },
  {
    ...mirror(/^std::invalid_argument: this is bad$/),
    name: "cpp",
    spec: native("cpp", cppApp.dir, "app.so"),
    brokenSpec: native("cpp", cppApp.dir, "app.so", file("/dev/null")),
    brokenMessage: /^initialize of app\.so refused the model: it set its state to 7; /,
  },
  {
    ...mirror(/^TypeError: this is bad$/),
    name: "node",
    spec: native("node", nodeApp.dir, "app.ts"),
    brokenSpec: native("node", nodeBroken.dir, "app.ts"),
    brokenMessage: /^RangeError: no weights here \(app\.ts:3\)$/,
  },
  {
    name: "java",
    spec: custom(null),
    brokenSpec: custom("/broken"),
    brokenMessage: /^Load of odd\.Echo threw IllegalArgumentException: no weights here \(Echo\.java:12\)$/,
    body: (n) => `slow${n}`,
    check: (n, body) => assert.equal(body, [...`slow${n}`].reverse().join("")),
    badBody: "bad",
    badMessage: /^this is bad$/,
    longBody: "x".repeat(20_000_000),
  },
  {
    name: "pmml",
    spec: pmml(PMML),
    brokenSpec: pmml(fileURLToPath(new URL("../../package.json", import.meta.url))),
    brokenMessage: /package\.json is not a PMML file, nor other XML: /,
    body: (n) => JSON.stringify([{ ...ROW, vessels: n }]),
    check: (n, body) => {
      const [row] = JSON.parse(body);
      assert.ok(Math.abs(row.p_1 - expected(n)) < 1e-12, `${row.p_1} is not ${expected(n)}`);
      assert.ok(Math.abs(row.p_0 + row.p_1 - 1) < 1e-12);
      assert.equal(row.label, row.p_1 > 0.5 ? 1 : 0);
    },
    badBody: '[{"age": 121}]',
    badMessage: /^row 1, field "age": found 121, allowed: a number in \[0\.0, 120\.0\]\n/,
    longBody: JSON.stringify(Array.from({ length: 20_000 }, () => ROW)),
  },
];

for (const kind of KINDS) {
  describe(`${kind.name} worker`, () => {
    async function started(t: TestContext, spec: PeerSpec = kind.spec): Promise<WorkerPeer> {
      const peer = await WorkerPeer.start(spec);
      t.after(() => peer.dispose());
      return peer;
    }
    async function ready(t: TestContext): Promise<WorkerPeer> {
      const peer = await started(t);
      const frame = await peer.init(kind.spec);
      assert.equal(frame.type, FRAME.READY, frame.payload.toString());
      return peer;
    }

    test("answers READY with its pid, then requests, several at once, each by its id", async (t) => {
      const peer = await started(t);
      const frame = await peer.init(kind.spec);
      assert.equal(frame.type, FRAME.READY);
      const { pid, stages } = JSON.parse(frame.payload.toString());
      assert.equal(pid, peer.process.pid);
      // What takes long in processors of the user's own is told apart.
      if (kind.spec.processor.kind === "custom") assert.deepEqual(stages.map(nameOf), ["import"]);
      const ids = [7, 4_000_000_000, 9, 10];
      peer.send(Buffer.concat(ids.map((id, n) => peer.request(id, kind.body(n)))));
      for (const [n, id] of ids.entries()) {
        const { type, payload } = await peer.take(id);
        assert.equal(type, FRAME.RESPONSE);
        const { status, body } = answerOf({ type, id, payload });
        assert.equal(status, 200);
        kind.check(n, body);
      }
    });

    test("takes frames however they are cut", async (t) => {
      const peer = await ready(t);
      const bytes = Buffer.concat([peer.request(1, kind.body(0)), peer.request(2, kind.body(1))]);
      for (let at = 0; at < bytes.length; at += 7) {
        peer.send(bytes.subarray(at, at + 7));
        await new Promise((resolve) => setImmediate(resolve));
      }
      kind.check(0, answerOf(await peer.take(1)).body);
      kind.check(1, answerOf(await peer.take(2)).body);
    });

    test("answers a bad request with a message, keeps the trace to itself, and goes on", async (t) => {
      const peer = await ready(t);
      peer.send(peer.request(1, kind.badBody));
      const frame = await peer.take(1);
      assert.equal(frame.type, FRAME.ERROR);
      const { status, body } = answerOf(frame);
      assert.equal(status, 400);
      assert.match(body, kind.badMessage);
      assert.doesNotMatch(body, /Traceback|\tat |\.py"/);
      peer.send(peer.request(2, kind.body(1)));
      kind.check(1, answerOf(await peer.take(2)).body);
    });

    test("answers a long body", async (t) => {
      const peer = await ready(t);
      peer.send(peer.request(1, kind.longBody));
      const { status, body } = answerOf(await peer.take(1));
      assert.equal(status, 200);
      assert.ok(body.length > 500_000);
    });

    test("gives exactly one answer to a cancelled request and the right one to others", async (t) => {
      const peer = await ready(t);
      const cancel = (id: number) => encodeFrame(FRAME.CANCEL, id, Buffer.alloc(0));
      const ids = [1, 2, 3, 4];
      peer.send(Buffer.concat([...ids.map((id) => peer.request(id, kind.body(id))), cancel(2), cancel(99)]));
      for (const id of ids) {
        const frame = await peer.take(id);
        if (id !== 2) kind.check(id, answerOf(frame).body);
      }
      peer.send(peer.request(5, kind.body(1)));
      await peer.take(5);
      assert.deepEqual(
        peer.frames.filter((frame) => frame.type !== FRAME.PROGRESS),
        [],
      );
    });

    test("describes itself in JSON", async (t) => {
      const peer = await ready(t);
      peer.send(encodeFrame(FRAME.DESCRIBE, 3, Buffer.alloc(0)));
      const { status, head, body } = answerOf(await peer.take(3));
      assert.equal(status, 200);
      assert.equal(head, "content-type: application/json\n");
      assert.ok("inputs" in JSON.parse(body));
    });

    test("FAILED names what is wrong, and it exits with 1", async (t) => {
      const peer = await started(t, kind.brokenSpec);
      const frame = await peer.init(kind.brokenSpec);
      assert.equal(frame.type, FRAME.FAILED);
      assert.match(JSON.parse(frame.payload.toString()).message, kind.brokenMessage);
      assert.equal((await peer.exited).code, 1);
    });

    test("SHUTDOWN ends it with 0; a signal to the whole group does not", async (t) => {
      const peer = await ready(t);
      peer.process.kill("SIGTERM");
      peer.process.kill("SIGINT");
      peer.send(peer.request(1, kind.body(1)));
      kind.check(1, answerOf(await peer.take(1)).body);
      peer.send(encodeFrame(FRAME.SHUTDOWN, 0, Buffer.alloc(0)));
      assert.deepEqual(await peer.exited, { code: 0, signal: null });
    });

    test("ends at once when the connection ends, also while it works", async (t) => {
      const peer = await ready(t);
      peer.send(peer.request(1, kind.body(1)));
      peer.closeSocket();
      const { signal } = await peer.exited;
      assert.equal(signal, null);
    });

    test("a frame above the limit is a broken peer: it ends", async (t) => {
      const peer = await ready(t);
      const front = Buffer.alloc(9);
      front.writeUInt32LE(256 * 1024 * 1024 + 1, 0);
      peer.send(front);
      await peer.exited;
      assert.match(peer.output, /a frame of 268435457 bytes/);
    });
  });
}
