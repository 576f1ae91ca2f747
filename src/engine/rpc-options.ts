import type { RpcSpec } from "../core/instance-spec.ts";

/** Defaults of `metadata.rpc` (eas-reference §1.3). */
const DEFAULTS: Required<Pick<RpcSpec, "workerThreads" | "maxQueueSize" | "keepaliveMs">> = {
  workerThreads: 5,
  maxQueueSize: 64,
  keepaliveMs: 5000,
};

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
    ...(spec.rateLimit === undefined ? {} : { rateLimit: spec.rateLimit }),
    ...(spec.decompressor === undefined ? {} : { decompressor: spec.decompressor }),
    ...(spec.batching === undefined ? {} : { batching: spec.batching }),
  };
}
