import { join } from "node:path";
import type { InstanceSpec } from "../core/instance-spec.ts";
import { inEnvironment, pythonOf } from "./python-environment.ts";

/** How to start a worker process. */
export interface WorkerCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

/** What the machine has to run workers with. */
export interface WorkerTools {
  /** The folder `processors/` of Sluice. */
  readonly processorsDir: string;
  readonly python: string;
  readonly java: string;
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

/** The command for one worker of an instance. */
export function workerCommand(
  spec: InstanceSpec,
  tools: WorkerTools,
  socketPath: string,
  index: number,
): WorkerCommand {
  const threads = String(Math.max(1, Math.ceil(spec.limits.cpu)));
  const env: Record<string, string | undefined> = { ...tools.env };
  for (const name of THREAD_COUNTS) env[name] = threads;
  env.SLUICE_WORKER_SOCKET = socketPath;
  env.SLUICE_WORKER_INDEX = String(index);
  if (spec.processor.kind === "custom") {
    const { dir } = spec.processor;
    const { environmentPath: folder } = spec;
    const args = [join(tools.processorsDir, "python", "worker.py")];
    if (folder === undefined) return { file: tools.python, args, env, cwd: dir };
    return { file: pythonOf(folder), args, env: inEnvironment(env, folder), cwd: dir };
  }
  const heapMb = Math.max(HEAP_MB_MIN, Math.floor(spec.limits.memoryMb * HEAP_SHARE));
  env.MALLOC_ARENA_MAX = "2"; // glibc gives each thread an arena; the JVM gains nothing from them
  // Relative to its folder, as when the class data archive was made: the archive is good for exactly one class path.
  const args = [
    "@jvm.options",
    "-XX:SharedArchiveFile=target/worker.jsa",
    `-XX:ActiveProcessorCount=${threads}`,
    `-Xmx${heapMb}m`,
    "-cp",
    "target/sluice-worker.jar",
    "sluice.worker.Main",
  ];
  return { file: tools.java, args, env, cwd: join(tools.processorsDir, "java") };
}
