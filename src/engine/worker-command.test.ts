import assert from "node:assert/strict";
import { test } from "node:test";
import type { InstanceSpec } from "../core/instance-spec.ts";
import { THREAD_COUNTS, workerCommand } from "./worker-command.ts";

const tools = {
  processorsDir: "/p",
  python: "py",
  java: "jv",
  node: "nd",
  setpriv: null,
  env: { HOME: "/h", OMP_NUM_THREADS: "64" },
};
const spec = (processor: InstanceSpec["processor"], cpu: number, memoryMb: number) =>
  ({ processor, limits: { cpu, memoryMb }, rpc: {} }) as InstanceSpec;

test("Python runs our worker in the processor's folder, with thread counts of metadata.cpu rounded up", () => {
  const processor = { kind: "custom", language: "python", dir: "/app", entry: "app.py" } as const;
  const { file, args, env, cwd } = workerCommand(spec(processor, 1.5, 100), tools, "/s", 3);
  assert.deepEqual([file, ...args, cwd], ["py", "/p/python/worker.py", "/app"]);
  assert.equal(env.OMP_NUM_THREADS, "2");
  assert.equal(env.SLUICE_WORKER_SOCKET, "/s");
  assert.equal(env.SLUICE_WORKER_INDEX, "3");
  assert.equal(env.HOME, "/h");
});

test("several worker processes share metadata.cpu, and each has one thread at least", () => {
  const python = { kind: "custom", language: "python", dir: "/app", entry: "app.py" } as const;
  const pmml = { kind: "builtin", code: "pmml", family: "pmml" } as const;
  const of = (processor: InstanceSpec["processor"], cpu: number, workerProcesses?: number) =>
    ({
      processor,
      limits: { cpu, memoryMb: 100 },
      rpc: workerProcesses ? { workerProcesses } : {},
    }) as InstanceSpec;
  const threads = (given: InstanceSpec, known?: number) =>
    THREAD_COUNTS.map((name) => workerCommand(given, tools, "/s", 0, known).env[name]);
  assert.deepEqual(new Set(threads(of(python, 8, 4))), new Set(["2"]));
  assert.deepEqual(new Set(threads(of(python, 8, 3))), new Set(["3"]));
  assert.deepEqual(new Set(threads(of(python, 2, 4))), new Set(["1"]));
  assert.deepEqual(new Set(threads(of(python, 8), 4)), new Set(["2"]), "as its code asks for");
  const java = workerCommand(of(pmml, 8, 4), tools, "/s", 0);
  assert.ok(java.args.includes("-XX:ActiveProcessorCount=2"));
});

test("a Java class of the user's own runs in its folder, with its options behind ours and no second collector", () => {
  const custom = {
    kind: "custom",
    language: "java",
    dir: "/none/a.jar",
    entry: null,
    mainClass: "a.B",
  } as const;
  const { args, cwd } = workerCommand(spec({ ...custom, jvmOptions: ["-ea"] }, 1, 100), tools, "/s", 0);
  assert.equal(cwd, "/none");
  assert.deepEqual(args, [
    "@/p/java/custom.options",
    "-XX:+UseSerialGC",
    "-XX:ActiveProcessorCount=1",
    "-Xmx75m",
    "-ea",
    "-cp",
    "/p/java/target/sluice-worker.jar",
    "sluice.worker.Main",
  ]);
  const g1 = workerCommand(spec({ ...custom, jvmOptions: ["-XX:+UseG1GC"] }, 1, 100), tools, "/s", 0);
  assert.ok(!g1.args.includes("-XX:+UseSerialGC"));
});

test("Java's heap and processors follow metadata, with a least heap that a model can be loaded in", () => {
  const { args, cwd } = workerCommand(
    spec({ kind: "builtin", code: "pmml", family: "pmml" }, 0.5, 1000),
    tools,
    "/s",
    0,
  );
  assert.equal(cwd, "/p/java");
  assert.ok(args.includes("-Xmx750m"));
  assert.ok(args.includes("-XX:ActiveProcessorCount=1"));
  assert.ok(
    workerCommand(
      spec({ kind: "builtin", code: "pmml", family: "pmml" }, 1, 10),
      tools,
      "/s",
      0,
    ).args.includes("-Xmx24m"),
  );
});

test("several worker processes share the heap where a control group holds the whole instance", () => {
  const java = {
    kind: "custom",
    language: "java",
    dir: "/a",
    entry: null,
    mainClass: "a.B",
    jvmOptions: [],
  } as const;
  const node = { kind: "custom", language: "node", dir: "/a", entry: "app.ts" } as const;
  const heap = (processor: InstanceSpec["processor"], isMemoryHeld: boolean) => {
    const limits = { cpu: 1, memoryMb: 400, ...(isMemoryHeld ? { isMemoryHeld } : {}) };
    const given = { processor, limits, rpc: { workerProcesses: 4 } } as InstanceSpec;
    return workerCommand(given, tools, "/s", 0).args.find((arg) => /^(-Xmx|--max-old)/.test(arg));
  };
  assert.equal(heap(java, true), "-Xmx75m");
  assert.equal(heap(java, false), "-Xmx300m");
  assert.equal(heap(node, true), "--max-old-space-size=75");
  assert.equal(heap(node, false), "--max-old-space-size=300");
});
