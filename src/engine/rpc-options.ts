import type { RpcSpec } from "../core/instance-spec.ts";

/** Defaults of `metadata.rpc` (eas-reference §1.3). */
const DEFAULTS: Required<Pick<RpcSpec, "workerThreads" | "maxQueueSize" | "keepaliveMs">> = {
  workerThreads: 5,
  maxQueueSize: 64,
  keepaliveMs: 5000,
};

/** Most worker processes of an instance: each has its own connection, and memory. */
export const WORKER_PROCESSES_MAX = 64;

/** Most requests that one worker gets at once, whatever is asked for: each is a thread there. */
export const WORKER_THREADS_MAX = 1024;

/**
 * The options in force: those of the spec, but where it has the default and the processor's own code sets one
 * (`allspark.default_properties().put("rpc.keepalive", …)`, `worker_threads=` of its constructor), the code's.
 */
export function effectiveRpc(spec: RpcSpec, fromCode: unknown): RpcSpec {
  const code =
    typeof fromCode === "object" && fromCode !== null
      ? (fromCode as Partial<Record<keyof RpcSpec, unknown>>)
      : {};
  const pick = (key: keyof typeof DEFAULTS) => {
    const value = code[key];
    return spec[key] === DEFAULTS[key] && Number.isSafeInteger(value) && (value as number) > 0
      ? (value as number)
      : spec[key];
  };
  return {
    workerThreads: Math.min(pick("workerThreads"), WORKER_THREADS_MAX),
    maxQueueSize: pick("maxQueueSize"),
    keepaliveMs: pick("keepaliveMs"),
    ...(spec.workerProcesses === undefined ? {} : { workerProcesses: spec.workerProcesses }),
    ...(spec.rateLimit === undefined ? {} : { rateLimit: spec.rateLimit }),
    ...(spec.decompressor === undefined ? {} : { decompressor: spec.decompressor }),
    ...(spec.batching === undefined ? {} : { batching: spec.batching }),
  };
}

/** Worker processes of an instance: what the spec says, else what the processor's own code set (`worker_processes=` of its constructor), else one. */
export function processesOf(spec: RpcSpec, fromCode: unknown): number {
  const code = (fromCode as { workerProcesses?: unknown } | null | undefined)?.workerProcesses;
  const asked = Number.isSafeInteger(code) && (code as number) > 0 ? (code as number) : 1;
  return Math.min(spec.workerProcesses ?? asked, WORKER_PROCESSES_MAX);
}
