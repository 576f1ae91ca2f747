import { existsSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import type { BatchRule } from "./batching/batch-rules.ts";
import { Engine, EngineFailure } from "./engine.ts";
import { InstanceDir } from "./instance-dir.ts";
import { ENGINE_LIMITS, type EngineLimits, withinMemory } from "./limits.ts";
import { LogFile } from "./log-file.ts";

export interface EngineOptions {
  /** The instance's folder in the run directory; its spec.json says the rest. */
  readonly dir: string;
  /** Where the log goes; rotated files stand beside it. */
  readonly logFile: string;
  /** Wall clock, ms. */
  readonly wallNow: () => number;
  /** Version of Sluice, for clients that ask what server this is. */
  readonly sluiceVersion?: string;
  readonly limits?: Partial<EngineLimits>;
  /** Folder with `python/`, `java/`, `cpp/` and `node/`; Sluice's own when absent. */
  readonly processorsDir?: string;
  /** Environment of the workers; SLUICE_PYTHON and SLUICE_JAVA in it name the interpreters. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** When batches go; absent: as the product does it. For measurements. */
  readonly batchRule?: BatchRule;
  /** For direct callers; absent: a free one. */
  readonly port?: number;
  /** IPv4 address of that port; absent: 127.0.0.1. */
  readonly host?: string;
}

/** Where util-linux has it. */
const SETPRIV = ["/usr/bin/setpriv", "/bin/setpriv"];
const OWN_PROCESSORS = fileURLToPath(new URL("../../processors", import.meta.url));

/**
 * The role `engine`: one instance in this process. First SIGTERM or SIGINT drains, second stops now. Resolves to the exit code: 0
 * ended as asked, or another engine has the folder already; 1 the instance failed, and exit.json says why.
 */
export async function runEngine(options: EngineOptions): Promise<number> {
  const dir = new InstanceDir(options.dir);
  const spec = dir.readSpec();
  if (!dir.claim()) return 0;
  const limits = withinMemory({ ...ENGINE_LIMITS, ...options.limits }, spec.limits);
  const env = options.env ?? process.env;
  const engine = new Engine({
    dir,
    spec,
    sluiceVersion: options.sluiceVersion ?? "",
    limits,
    tools: {
      processorsDir: options.processorsDir ?? OWN_PROCESSORS,
      python: env.SLUICE_PYTHON ?? "python3",
      java: env.SLUICE_JAVA ?? "java",
      node: process.execPath,
      setpriv: SETPRIV.find((path) => existsSync(path)) ?? null,
      env,
    },
    log: new LogFile(options.logFile, limits, options.wallNow),
    wallNow: options.wallNow,
    now: () => performance.now(),
    clockAheadMs: Number(process.hrtime.bigint()) / 1e6 - performance.now(),
    ...(options.batchRule === undefined ? {} : { batchRule: options.batchRule }),
    ...(options.port === undefined ? {} : { port: options.port }),
    ...(options.host === undefined ? {} : { host: options.host }),
  });
  const stop = new AbortController();
  let isAsked = false;
  const asked = () => {
    if (isAsked) stop.abort();
    isAsked = true;
    void engine.drain(Number.POSITIVE_INFINITY);
  };
  process.on("SIGTERM", asked);
  process.on("SIGINT", asked);
  try {
    await engine.run(stop.signal);
    return 0;
  } catch (error) {
    if (error instanceof EngineFailure) return 1;
    const message = error instanceof Error ? error.message : String(error);
    const now = options.wallNow();
    dir.writeExit({
      code: 1,
      signal: null,
      reason: "StartFailed",
      message,
      startedAtMs: now,
      finishedAtMs: now,
    });
    console.error(error);
    return 1;
  } finally {
    process.off("SIGTERM", asked);
    process.off("SIGINT", asked);
  }
}
