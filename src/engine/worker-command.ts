import { statSync } from "node:fs";
import { dirname, join } from "node:path";
import { assert } from "../base/assert.ts";
import type { InstanceSpec, ProcessorSpec } from "../core/instance-spec.ts";
import { namesCollector } from "../core/spec/jvm-options.ts";
import { readyProcessor } from "../core/spec/processors.ts";
import { inEnvironment, pythonOf } from "./python-environment.ts";

/** How to start a worker process. */
export interface WorkerCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** What to do when `file` is not there. */
  readonly ifMissing?: string;
}

/** What the machine has to run workers with. */
export interface WorkerTools {
  /** The folder `processors/` of Sluice. */
  readonly processorsDir: string;
  readonly python: string;
  readonly java: string;
  /** The Node that runs Sluice. */
  readonly node: string;
  /** setpriv(1), or null where there is none. */
  readonly setpriv: string | null;
  /** Environment that workers inherit. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Libraries that size their thread pools by the machine, not by `metadata.cpu`, unless told. */
export const THREAD_COUNTS = [
  "OMP_NUM_THREADS",
  "OPENBLAS_NUM_THREADS",
  "MKL_NUM_THREADS",
  "NUMEXPR_NUM_THREADS",
  "VECLIB_MAXIMUM_THREADS",
];

/**
 * Share of `metadata.memory` that is Java heap; the rest is for code, classes, threads and buffers outside it, which
 * were measured at 45 to 60 MB for the pmml processor.
 */
const HEAP_SHARE = 0.75;
const HEAP_MB_MIN = 24;
const MAIN = "sluice.worker.Main";
/** Share of `metadata.memory` that is the heap of JavaScript; bodies and the code of Node itself are outside of it. */
const NODE_HEAP_SHARE = 0.75;
/** Of the young generation, MB: as for Sluice's own processes; requests cost no more CPU than with V8's own choice, and 20 MB less stay resident. */
const NODE_SEMI_SPACE_MB = 2;

/** MB of heap for one worker process. A control group holds all of an instance's processes together; without one each has the whole for itself. */
function heapMbOf({ limits: { memoryMb, isMemoryHeld }, rpc }: InstanceSpec, share: number): number {
  const sharers = isMemoryHeld === true ? (rpc.workerProcesses ?? 1) : 1;
  return Math.max(HEAP_MB_MIN, Math.floor((memoryMb / sharers) * share));
}

/** Cores to size the thread pools of one worker by: its part of `metadata.cpu`, rounded up, so that all of them together ask for no more than there is. */
const threadsOf = (cpu: number, workerProcesses: number) =>
  String(Math.max(1, Math.ceil(cpu / workerProcesses)));

/** The command for one worker of an instance; `workerProcesses`: how many it has, as far as that is known when this one starts. */
export function workerCommand(
  spec: InstanceSpec,
  tools: WorkerTools,
  socketPath: string,
  index: number,
  workerProcesses = spec.rpc.workerProcesses ?? 1,
): WorkerCommand {
  const threads = threadsOf(spec.limits.cpu, workerProcesses);
  const env: Record<string, string | undefined> = { ...tools.env };
  for (const name of THREAD_COUNTS) env[name] = threads;
  env.SLUICE_WORKER_SOCKET = socketPath;
  env.SLUICE_WORKER_INDEX = String(index);
  switch (languageOf(spec.processor)) {
    case "python":
      return pythonCommand(spec, tools, env);
    case "java":
      return javaCommand(spec, tools, env, threads);
    case "cpp":
      return cppCommand(spec, tools, env);
    case "node":
      return nodeCommand(spec, tools, env);
  }
}

/** Which worker runs a processor. */
function languageOf(processor: ProcessorSpec): "python" | "java" | "cpp" | "node" {
  assert(processor.kind !== "command", "a program of the user's own has no worker");
  if (processor.kind === "custom") return processor.language;
  const ready = readyProcessor(processor.code);
  assert(ready !== null, "a ready-made processor that this build runs");
  return ready.language;
}

type Environment = Readonly<Record<string, string | undefined>>;

function pythonCommand(spec: InstanceSpec, tools: WorkerTools, env: Environment): WorkerCommand {
  const folder = join(tools.processorsDir, "python");
  const { environmentPath, processor } = spec;
  const cwd = processor.kind === "custom" ? processor.dir : folder;
  const args = [join(folder, "worker.py")];
  if (environmentPath === undefined) return { file: tools.python, args, env, cwd };
  return { file: pythonOf(environmentPath), args, env: inEnvironment(env, environmentPath), cwd };
}

function javaCommand(
  spec: InstanceSpec,
  tools: WorkerTools,
  inherited: Environment,
  threads: string,
): WorkerCommand {
  // glibc gives each thread an arena; the JVM gains nothing from them
  const env = { ...inherited, MALLOC_ARENA_MAX: "2" };
  const folder = join(tools.processorsDir, "java");
  const heapMb = heapMbOf(spec, HEAP_SHARE);
  const sizes = [`-XX:ActiveProcessorCount=${threads}`, `-Xmx${heapMb}m`];
  const { processor } = spec;
  if (processor.kind === "custom" && processor.language === "java") {
    const { dir, jvmOptions } = processor;
    const collector = namesCollector(jvmOptions) ? [] : ["-XX:+UseSerialGC"];
    const jar = join(folder, "target", "sluice-worker.jar");
    const args = [
      `@${join(folder, "custom.options")}`,
      ...collector,
      ...sizes,
      ...jvmOptions,
      "-cp",
      jar,
      MAIN,
    ];
    // A jar stands for its folder.
    return {
      file: tools.java,
      args,
      env,
      cwd: statSync(dir, { throwIfNoEntry: false })?.isDirectory() ? dir : dirname(dir),
    };
  }
  // Relative to its folder, as when the class data archive was made: the archive is good for exactly one class path.
  const args = [
    "@jvm.options",
    "-XX:SharedArchiveFile=target/worker.jsa",
    ...sizes,
    "-cp",
    "target/sluice-worker.jar",
    MAIN,
  ];
  return { file: tools.java, args, env, cwd: folder };
}

function cppCommand(spec: InstanceSpec, tools: WorkerTools, inherited: Environment): WorkerCommand {
  const { dir, entry } = customOf(spec.processor);
  // Libraries that it is linked with may lie in its folder, or beside it.
  const places = new Set([dirname(join(dir, entry)), dir, inherited.LD_LIBRARY_PATH ?? ""]);
  const env = { ...inherited, LD_LIBRARY_PATH: [...places].filter((place) => place !== "").join(":") };
  const file = join(tools.processorsDir, "cpp", "target", "sluice-cpp-worker");
  const ifMissing = "the worker for C and C++ is not built: install g++ and run `make setup`";
  return { file, args: [], env, cwd: dir, ifMissing };
}

function nodeCommand(spec: InstanceSpec, tools: WorkerTools, env: Environment): WorkerCommand {
  const heapMb = heapMbOf(spec, NODE_HEAP_SHARE);
  const worker = join(tools.processorsDir, "node", "worker.ts");
  const args = [
    "--disable-warning=ExperimentalWarning",
    `--max-semi-space-size=${NODE_SEMI_SPACE_MB}`,
    `--max-old-space-size=${heapMb}`,
    worker,
  ];
  const { dir: cwd } = customOf(spec.processor);
  if (tools.setpriv === null) return { file: tools.node, args, env, cwd };
  // Node cannot ask for it itself: a processor in an endless loop must end with its engine too.
  return { file: tools.setpriv, args: ["--pdeathsig", "KILL", tools.node, ...args], env, cwd };
}

function customOf(processor: ProcessorSpec): { readonly dir: string; readonly entry: string } {
  assert(processor.kind === "custom" && processor.language !== "java", "a main file of the user's own");
  return processor;
}
