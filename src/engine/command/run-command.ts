import { InstanceDir } from "../instance-dir.ts";
import { ENGINE_LIMITS } from "../limits.ts";
import { LogFile } from "../log-file.ts";
import { CommandFailure, CommandInstance } from "./command-instance.ts";

export interface CommandOptions {
  /** The instance's folder in the run directory; its spec.json says the rest. */
  readonly dir: string;
  /** Where the log goes; rotated files stand beside it. */
  readonly logFile: string;
  /** Wall clock, ms. */
  readonly wallNow: () => number;
  /** Environment that the command inherits; our own when absent. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** What the command is told to listen on; absent: a free one. */
  readonly port?: number;
}

/**
 * Runs an instance that is a program of the user's own. SIGTERM or SIGINT asks it to end, a second one kills it. Resolves to the
 * exit code: 0 ended as asked, or another process has the folder already; 1 it failed, and exit.json says why.
 */
export async function runCommand(options: CommandOptions): Promise<number> {
  const dir = new InstanceDir(options.dir);
  const spec = dir.readSpec();
  if (spec.processor.kind !== "command") throw new Error(`${spec.id} is no command`);
  if (!dir.claim()) return 0;
  const { wallNow } = options;
  const startedAtMs = wallNow();
  const instance = new CommandInstance({
    dir,
    spec,
    command: spec.processor,
    limits: ENGINE_LIMITS,
    log: new LogFile(options.logFile, ENGINE_LIMITS, wallNow, "sluice"),
    env: options.env ?? process.env,
    wallNow,
    ...(options.port === undefined ? {} : { port: options.port }),
  });
  const stop = new AbortController();
  let isAsked = false;
  const asked = () => {
    if (isAsked) stop.abort();
    isAsked = true;
    instance.drain();
  };
  process.on("SIGTERM", asked);
  process.on("SIGINT", asked);
  try {
    await instance.run(stop.signal);
    return 0;
  } catch (error) {
    if (error instanceof CommandFailure) return 1;
    const message = error instanceof Error ? error.message : String(error);
    const end = { code: 1, signal: null, startedAtMs, finishedAtMs: wallNow() };
    dir.writeExit({ ...end, reason: "StartFailed", message });
    console.error(error);
    return 1;
  } finally {
    process.off("SIGTERM", asked);
    process.off("SIGINT", asked);
  }
}
