/** Java processors of the user's own (eas-reference §5.5) on their real worker: the contract, and code that misbehaves. */
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, type TestContext, test } from "node:test";
import type { ProcessorSpec } from "../core/instance-spec.ts";
import { EngineInstance, eventually, type InstanceOptions } from "../testing/engine-instance.ts";
import { compileJava } from "../testing/java-processor.ts";
import { answerOf, type PeerSpec, WorkerPeer } from "../testing/worker-peer.ts";
import { FRAME } from "./frames.ts";

const java = compileJava();
const folder = mkdtempSync(join(tmpdir(), "sluice-java-odd-"));
after(() => {
  java.remove();
  rmSync(folder, { recursive: true, force: true });
});

type JavaSpec = Extract<ProcessorSpec, { kind: "custom"; language: "java" }>;
const odd = (mainClass: string, more: Partial<JavaSpec> = {}): JavaSpec => ({
  kind: "custom",
  language: "java",
  dir: java.jar,
  entry: null,
  mainClass: `odd.${mainClass}`,
  jvmOptions: [],
  ...more,
});
const spec = (processor: JavaSpec, more: Partial<PeerSpec> = {}): PeerSpec => ({
  processor,
  model: { path: null, entry: null, config: null },
  rpc: { workerThreads: 2, maxQueueSize: 64, keepaliveMs: 5000 },
  limits: { cpu: 1, memoryMb: 128 },
  ...more,
});

async function failure(t: TestContext, given: PeerSpec): Promise<string> {
  const peer = await WorkerPeer.start(given);
  t.after(() => peer.dispose());
  const frame = await peer.init(given);
  assert.equal(frame.type, FRAME.FAILED, frame.payload.toString());
  await peer.exited;
  return JSON.parse(frame.payload.toString()).message;
}

async function asking(t: TestContext, given: PeerSpec) {
  const peer = await WorkerPeer.start(given);
  t.after(() => peer.dispose());
  const ready = await peer.init(given);
  assert.equal(ready.type, FRAME.READY, ready.payload.toString());
  let id = 0;
  const ask = async (body: string) => {
    peer.send(peer.request(++id, body));
    const { status, body: text, head } = answerOf(await peer.take(id));
    return { status, text, head };
  };
  return { peer, ask };
}

describe("a class of the user's own", () => {
  test("gets model entry and configuration, its own folder, and nothing of Sluice's classes", async (t) => {
    const given = spec(odd("Misbehaves"), { model: { path: "/m", entry: "/m/a.bin", config: '{"k":1}' } });
    const { ask } = await asking(t, given);
    assert.deepEqual(await ask("model"), {
      status: 200,
      text: '/m/a.bin|{"k":1}',
      head: "content-type: text/plain; charset=utf-8\n",
    });
    assert.equal((await ask("folder")).text, dirname(java.jar));
    assert.equal((await ask("loaders")).text, "false false false true true");
    assert.equal((await ask("größer")).text, "?größer");
  });

  test("may be in a folder of classes, without a constructor, Load, or an instance", async (t) => {
    const { ask } = await asking(t, spec(odd("Bare", { dir: java.classes })));
    assert.deepEqual(await ask("x"), { status: 200, text: "bare x", head: "" });
  });

  test("may have its libraries beside it and in lib, and the jar that comes first named", async (t) => {
    const dir = join(folder, "jars");
    mkdirSync(join(dir, "lib"), { recursive: true });
    copyFileSync(java.jar, join(dir, "lib", "odd.jar"));
    const { ask } = await asking(t, spec(odd("Bare", { dir, entry: "lib/odd.jar" })));
    assert.equal((await ask("x")).text, "bare x");
  });

  test("runs with the options of its service", async (t) => {
    const jvmOptions = ["-Dtest.word=two words", "-ea", "-XX:+UseParallelGC", "-Xmx64m"];
    const { ask } = await asking(t, spec(odd("Misbehaves", { jvmOptions })));
    assert.equal((await ask("property")).text, "two words");
    assert.equal((await ask("assertions")).text, "true");
  });

  test("what it throws is 400 with its message, what is no exception 500; the trace goes to the log", async (t) => {
    const { peer, ask } = await asking(t, spec(odd("Misbehaves")));
    const cases: [string, number, string][] = [
      ["throw", 400, "the answer is not known\nnot at all"],
      ["throw bare", 400, "NoSuchElementException"],
      ["checked", 400, "disk away"],
      ["error", 500, "the processor failed with AssertionError: 2 is not 3"],
      ["recurse", 500, "the processor failed with StackOverflowError"],
      ["throwable", 500, "the processor threw java.lang.Throwable: neither"],
      ["null", 500, "Process returned null; allowed: byte[] or String"],
    ];
    for (const [what, status, text] of cases) {
      const answer = await ask(what);
      assert.deepEqual([what, answer.status, answer.text], [what, status, text]);
    }
    assert.equal((await ask("interrupt")).text, "interrupted");
    assert.equal((await ask("still there")).text, "?still there");
    assert.equal((await ask("print")).text, "printed");
    await eventually(
      "what it printed",
      () => /to stdout: größer/.test(peer.output) && /to stderr/.test(peer.output),
    );
    assert.match(peer.output, /IllegalStateException: the answer is not known[\s\S]*Misbehaves\.java:/);
  });

  test("an array that is too large for memory is 500 that names the memory, and it goes on", async (t) => {
    const { ask } = await asking(t, spec(odd("Misbehaves")));
    const { status, text } = await ask("allocate");
    assert.equal(status, 500);
    assert.equal(text, "the processor ran out of memory for this request; metadata.memory is 128 MB");
    assert.equal((await ask("still there")).text, "?still there");
  });

  test("what cannot be loaded is told in a sentence", async (t) => {
    const broken = join(folder, "broken.jar");
    writeFileSync(broken, "no jar");
    const inner = (name: string, more: Partial<JavaSpec> = {}) => spec(odd(`Cannot$${name}`, more));
    const allowed = /; allowed: byte\[\] Process\(byte\[\]\), or with String in place of either byte\[\]$/;
    const cases: [PeerSpec, RegExp][] = [
      [
        inner("LoadThrows"),
        /^Load of odd\.Cannot\$LoadThrows threw IOException: weights\.bin is not there \(Cannot\.java:7\)$/,
      ],
      [
        inner("MakeThrows"),
        /^the constructor of odd\.Cannot\$MakeThrows threw IllegalArgumentException \(Cannot\.java:13\)$/,
      ],
      [
        inner("InitThrows"),
        /^a static part of the processor's classes threw NumberFormatException: For input string: "many" \(Cannot\.java:18\)$/,
      ],
      [inner("NoMethod"), /^the class odd\.Cannot\$NoMethod has no method Process; allowed: /],
      [inner("LowerCase"), /^the class odd\.Cannot\$LowerCase has byte\[\] process\(byte\[\]\); allowed: /],
      [
        inner("WrongMethod"),
        /^the class odd\.Cannot\$WrongMethod has int Process\(byte\[\], int\); allowed: /,
      ],
      [inner("WrongMethod"), allowed],
      [
        inner("WrongConstructor"),
        /has neither a constructor \(String modelEntry, String modelConfig\) nor one without parameters$/,
      ],
      [inner("Abstract"), /is abstract; allowed: a class that can be made$/],
      [inner("LoadExits"), /^the processor ended the process while it was loading \(System\.exit\)$/],
      [inner("LoadFills"), /^the processor ran out of memory while loading; metadata\.memory is 128 MB$/],
      [inner("NeedsMore"), /^the class odd\.Library, which the processor needs, is not in \/.*odd\.jar$/],
      [
        spec(odd("Echo", { mainClass: "com.example.Echo" })),
        /^processor_mainclass com\.example\.Echo is not in \/.*odd\.jar; there is odd\.Echo$/,
      ],
      [spec(odd("None")), /^processor_mainclass odd\.None is not in \/.*odd\.jar$/],
      [spec(odd("Echo", { dir: broken })), /broken\.jar is not a jar file: /],
      [spec(odd("Echo", { dir: java.classes, entry: "a.jar" })), /^processor_entry a\.jar is not in /],
    ];
    for (const [given, message] of cases) assert.match(await failure(t, given), message);
  });
});

describe("behind an engine, Java code that", () => {
  async function instance(t: TestContext, more: Partial<InstanceOptions> = {}): Promise<EngineInstance> {
    const made = new EngineInstance({ processor: odd("Misbehaves"), memoryMb: 128, ...more });
    t.after(() => made.dispose());
    await made.ready();
    return made;
  }
  const restarted = async (made: EngineInstance, times: number) => {
    await made.until("another worker", (state) => state.workerRestarts === times && state.workersReady === 1);
    const answer = await made.call("on");
    assert.deepEqual([answer.status, answer.body.toString()], [200, "?on"]);
  };

  test("ends the process or fills the heap and keeps it costs its requests, and no outage", async (t) => {
    const made = await instance(t);
    assert.equal((await made.call("exit")).status, 500);
    await restarted(made, 1);
    assert.equal((await made.call("halt")).status, 500);
    await restarted(made, 2);
    const full = await made.call("keep");
    assert.equal(full.status, 500);
    assert.match(full.body.toString(), /metadata\.memory is 128 MB/);
    await restarted(made, 3);
    assert.match(
      made.logText,
      /java\.lang\.OutOfMemoryError: the heap stays full after a collection; the worker ends/,
    );
    assert.equal((await made.call("keep all")).status, 500);
    await restarted(made, 4);
    assert.equal(made.state!.phase, "ready");
  });

  test("hangs is 408 after keepalive; others are served, and a worker that only hangs is replaced", async (t) => {
    const made = await instance(t, {
      rpc: { workerThreads: 2, keepaliveMs: 1000 },
      limits: { workerHungMs: 500 },
    });
    const first = made.call("hang");
    assert.equal((await made.call("beside")).body.toString(), "?beside");
    assert.equal((await first).status, 408);
    assert.equal((await made.call("hang")).status, 408);
    await restarted(made, 1);
  });
});
