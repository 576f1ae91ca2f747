import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { exitReason } from "../core/health/exit-reason.ts";
import type { EngineLimits } from "./limits.ts";
import { LineCutter, type LogFile } from "./log-file.ts";
import { OomKills } from "./oom-kills.ts";
import type { WorkerCommand } from "./worker-command.ts";

/** How long a worker that could not load may take to end, and its last output to come, in ms. */
export const LAST_WORDS_MS = 5_000;

/**
 * How long the last output of a worker that was ready may take to come, in ms. It is there already, but one that it started itself may hold the
 * stream open, and requests wait for the next worker.
 */
const READY_LAST_WORDS_MS = 1_000;

/** How the process of a worker ended. */
export interface WorkerEnd {
  /** For people; of one that was loading, with its last line on standard error. */
  readonly how: string;
  /** Whether memory ran out; `failure` is what it said itself, if anything. */
  isOutOfMemory(failure: string | null): boolean;
}

/** The process that a worker is in. */
export interface WorkerProcess {
  readonly pid: number | undefined;
  kill(signal: NodeJS.Signals): void;
}

/** How the end of a process reads in the log. */
export function endText(code: number | null, signal: string | null): string {
  return `the processor worker ${signal === null ? `exited with code ${code}` : `was ended by ${signal}`}`;
}

/** A process that the engine started itself; what it prints goes to the instance's log. */
export class StartedProcess implements WorkerProcess {
  readonly #child: ReturnType<typeof spawn>;
  readonly #oomKills: OomKills | null;

  /**
   * `ended` is called once, after the last output, which mostly says why a start failed, and whether memory ran out.
   */
  constructor(
    { file, args, env, cwd, ifMissing }: WorkerCommand,
    { log, limits }: { readonly log: LogFile; readonly limits: EngineLimits },
    isLoading: () => boolean,
    ended: (end: WorkerEnd) => void,
  ) {
    const child = spawn(file, args, { env, cwd, stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    const cutters = [child.stdout, child.stderr].map((stream) => {
      const lines = new LineCutter(log, limits);
      stream.on("data", (chunk: Buffer) => lines.push(chunk));
      stream.on("end", () => lines.end());
      stream.on("error", () => {});
      return lines;
    });
    child.on("error", (error) => {
      if (child.pid !== undefined) return;
      const missing = ifMissing !== undefined && !existsSync(file) ? ifMissing : error.message;
      const why = existsSync(cwd) ? missing : `its folder ${cwd} does not exist`;
      const how = `the processor worker cannot be started with ${file}: ${why}`;
      ended({ how, isOutOfMemory: () => false });
    });
    this.#oomKills = child.pid === undefined ? null : new OomKills(child.pid);
    child.on("exit", (code, signal) => {
      const isOutOfMemory = (failure: string | null) => {
        const lastLines = [failure ?? "", ...cutters.map((cutter) => cutter.lastLine)];
        return exitReason({ code, signal, oomKills: this.oomKills(), lastLines }) === "OOMKilled";
      };
      const how = endText(code, signal);
      const wasLoading = isLoading();
      const told = () => {
        clearTimeout(timer);
        const { lastLine } = cutters[1]!;
        const last = lastLine === "" ? "" : `: ${lastLine}`;
        ended({ how: wasLoading ? `${how} before it was ready${last}` : how, isOutOfMemory });
      };
      // A child of its own may hold the stream open, hence the bound.
      const timer = setTimeout(
        () => {
          child.off("close", told);
          told();
        },
        wasLoading ? LAST_WORDS_MS : READY_LAST_WORDS_MS,
      );
      child.once("close", told);
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** What the kernel killed in its control group for want of memory since it started. */
  oomKills(): number {
    return this.#oomKills?.since() ?? 0;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}
