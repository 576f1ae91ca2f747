import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { writeFileAtomicSync } from "../../base/atomic-file.ts";
import { processesOf } from "../../base/command-processes.ts";
import { type ProcessIdentity, readStartTicks } from "../../base/process-identity.ts";
import type { CommandSpec, InstanceSpec, InstanceState } from "../../core/instance-spec.ts";
import type { InstanceDir } from "../instance-dir.ts";
import type { EngineLimits } from "../limits.ts";
import { LineCutter, type LogFile } from "../log-file.ts";
import { type CommandLine, commandLine } from "./command-line.ts";
import { ListenProber, type Prober, type Verdict } from "./listen-prober.ts";
import { claimPort, type PortClaim } from "./port-claim.ts";

/** First wait between two looks of the prober, in ms; each next one is half as long again. */
const LOOK_MS_FIRST = 20;
const LOOK_MS_MAX = 500;
/** While draining and ending, what is left is looked at this often, in ms. */
const END_LOOK_MS = 20;
/** A killed process that is still there after this hangs in the kernel; whoever stops the instance says so. */
const KILL_MS_MAX = 5_000;
/** After its end, output still in the pipes is read for so long, in ms: it often says why. Nobody of its own is left to hold them open. */
const OUTPUT_MS_MAX = 10_000;

export interface CommandParts {
  readonly dir: InstanceDir;
  readonly spec: InstanceSpec;
  readonly command: CommandSpec;
  readonly limits: EngineLimits;
  readonly log: LogFile;
  /** Environment that the command inherits. */
  readonly env: CommandLine["env"];
  /** Wall clock, ms. */
  readonly wallNow: () => number;
}

/** Why an instance could not go on; it has been written to exit.json. */
export class CommandFailure extends Error {
  override readonly name = "CommandFailure";
}

/**
 * One instance that is a program of the user's own: starts it in a session of its own, writes its output to the log, asks a prober
 * whether it may get requests, and ends it with all that it started.
 *
 * loading → ready when the prober says so, and back when it no longer does; draining once it is asked to end. A program that ends by
 * itself is a failure, written to exit.json. No request passes through here: gateways talk to the program.
 */
export class CommandInstance {
  readonly #parts: CommandParts;
  readonly #startedAtMs: number;
  readonly #over = new AbortController();
  #claim: PortClaim | null = null;
  #child: ChildProcess | null = null;
  #leader: ProcessIdentity | null = null;
  #state: Pick<InstanceState, "phase" | "message" | "port" | "host" | "note">;
  #isAsked = false;
  #wasReady = false;
  #hasFailed = false;

  constructor(parts: CommandParts) {
    this.#parts = parts;
    this.#startedAtMs = parts.wallNow();
    this.#state = { phase: "loading", message: "starting", port: null };
  }

  /** Runs until it was drained or the signal ends it at once. Rejects with CommandFailure when the program ends by itself. */
  async run(signal: AbortSignal): Promise<void> {
    const { log, spec } = this.#parts;
    const stop = () => this.#kill();
    signal.addEventListener("abort", stop, { once: true });
    try {
      log.line(`${spec.id} is started, watched by pid ${process.pid}`);
      this.#writeState();
      await this.#serve(signal);
    } finally {
      signal.removeEventListener("abort", stop);
      this.#over.abort();
      await this.#endAll();
      this.#claim?.release();
      log.close();
    }
  }

  /** Asks all processes of the program to end (SIGTERM); `run` ends when they have. There is no deadline here: whoever asks kills. */
  drain(): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    if (this.#hasFailed) return;
    this.#set({ phase: "draining", message: "told to end" });
    for (const { pid } of this.#processes()) send(pid, "SIGTERM");
  }

  async #serve(signal: AbortSignal): Promise<void> {
    const { spec, command, dir, env } = this.#parts;
    let line: CommandLine;
    try {
      this.#claim = await claimPort();
      line = commandLine(spec, command, { port: this.#claim.port, folder: dir.path, inherited: env });
    } catch (error) {
      return this.#fail("StartFailed", { code: null, signal: null }, (error as Error).message);
    }
    if (this.#isAsked || signal.aborted) return;
    const child = spawn(line.file, line.args, {
      cwd: line.cwd,
      env: line.env,
      detached: true, // a session of its own: signals for it do not reach us
      stdio: ["ignore", "pipe", "pipe"],
    });
    const output = this.#logOutput(child);
    const ended = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
    const closed = once(child, "close");
    closed.catch(() => {}); // `ended` tells
    try {
      await Promise.race([once(child, "spawn"), ended]);
    } catch (error) {
      const message = `the command cannot be started: ${(error as Error).message}`;
      return this.#fail("StartFailed", { code: null, signal: null }, message);
    }
    this.#started(child);
    if (this.#isAsked) for (const { pid } of this.#processes()) send(pid, "SIGTERM");
    const probing = this.#probe(
      new ListenProber({
        givenPort: this.#claim.port,
        declaredPort: command.port,
        processes: () => this.#processes(),
      }),
    );
    const [code, endSignal] = await ended;
    this.#over.abort();
    await probing;
    if (this.#isAsked) await this.#untilNoneLeft(signal);
    await this.#endAll();
    await Promise.race([closed, delay(OUTPUT_MS_MAX, undefined, { ref: false })]);
    output.end();
    if (this.#isAsked || signal.aborted) return;
    const message = endText(code, this.#wasReady) + output.lastText();
    this.#fail(code === 0 ? "Completed" : "Error", { code, signal: endSignal }, message);
  }

  #started(child: ChildProcess): void {
    const pid = child.pid as number;
    const startTicks = readStartTicks(pid);
    this.#child = child;
    // Ended already: then nobody can have taken its number yet, since it was not waited for.
    this.#leader = { pid, startTicks: startTicks ?? 0 };
    const { dir, log } = this.#parts;
    if (startTicks !== null) writeFileAtomicSync(dir.commandFile, JSON.stringify(this.#leader), 0o600);
    log.line(`the command is pid ${pid}, PORT ${this.#claim?.port}`);
  }

  /** Looks until the program ends: soon at first, then twice a second. */
  async #probe(prober: Prober): Promise<void> {
    const { signal } = this.#over;
    let waitMs = LOOK_MS_FIRST;
    while (!signal.aborted && !this.#isAsked) {
      const verdict = await prober.look();
      if (signal.aborted || this.#isAsked) return;
      this.#judge(verdict);
      await delay(waitMs, undefined, { signal }).catch(() => {}); // aborted: the condition above ends it
      waitMs = Math.min(LOOK_MS_MAX, waitMs * 1.5);
    }
  }

  #judge(verdict: Verdict): void {
    if (!verdict.isReady) {
      if (this.#state.phase !== "loading" || this.#state.message !== verdict.message)
        this.#set({ phase: "loading", message: verdict.message, port: null });
      return;
    }
    const { host, port, note } = verdict;
    if (this.#state.phase === "ready" && this.#state.port === port && this.#state.host === host) return;
    this.#wasReady = true;
    const message = `listens on ${host === "::1" ? "[::1]" : host}:${port}${note === "" ? "" : `. ${note}`}`;
    this.#set({ phase: "ready", message, port, host, ...(note === "" ? {} : { note }) });
  }

  #logOutput(child: ChildProcess) {
    const { log, limits } = this.#parts;
    const cutters = [child.stdout, child.stderr].map((stream) => {
      const cutter = new LineCutter(log, limits);
      stream?.on("data", (chunk: Buffer) => cutter.push(chunk));
      stream?.on("error", () => {}); // "close" follows
      return cutter;
    });
    const [out, err] = [cutters[0]!, cutters[1]!];
    return {
      end: () => cutters.forEach((cutter) => void cutter.end()),
      /** Its last line mostly says why; errors rather than what else it prints. */
      lastText: () => {
        const line = err.lastLine || out.lastLine;
        return line === "" ? "" : `: ${line}`;
      },
    };
  }

  #processes() {
    return this.#leader === null ? [] : processesOf(this.#leader, this.#parts.dir.path);
  }

  /** A shell may end before what it started: that still finishes its requests. */
  async #untilNoneLeft(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#processes().length > 0) await delay(END_LOOK_MS);
  }

  async #endAll(): Promise<void> {
    const until = performance.now() + KILL_MS_MAX;
    for (
      let left = this.#processes();
      left.length > 0 && performance.now() < until;
      left = this.#processes()
    ) {
      for (const { pid } of left) send(pid, "SIGKILL");
      await delay(END_LOOK_MS);
    }
  }

  #kill(): void {
    this.#isAsked = true;
    if (!this.#hasFailed) this.#set({ phase: "draining", message: "stopping now" });
    for (const { pid } of this.#processes()) send(pid, "SIGKILL");
    this.#child?.kill("SIGKILL");
  }

  #fail(reason: string, end: { code: number | null; signal: string | null }, message: string): never {
    const { dir, log, wallNow } = this.#parts;
    this.#hasFailed = true;
    dir.writeExit({
      ...end,
      reason,
      message,
      startedAtMs: this.#startedAtMs,
      finishedAtMs: wallNow(),
    });
    // No state "failed": exit.json tells the whole of it, exit code included, as soon as this process has ended as well.
    log.line(`failed: ${message}`);
    throw new CommandFailure(message);
  }

  #set(state: Partial<InstanceState> & Pick<InstanceState, "phase" | "message">): void {
    this.#state = {
      port: this.#state.port,
      ...(this.#state.host ? { host: this.#state.host } : {}),
      ...state,
    };
    this.#writeState();
    this.#parts.log.line(`${state.phase}: ${state.message}`);
  }

  #writeState(): void {
    const isReady = this.#state.phase === "ready";
    const workers = { workersReady: isReady ? 1 : 0, workersTotal: 1, workerRestarts: 0 };
    try {
      this.#parts.dir.writeState({ ...this.#state, ...workers, updatedAtMs: this.#parts.wallNow() });
    } catch (error) {
      // Disk full: the next change is written again; serving goes on.
      this.#parts.log.line(`state.json cannot be written: ${(error as Error).message}`);
    }
  }
}

/** What is to be said beside exit code and signal. */
function endText(code: number | null, wasReady: boolean): string {
  const when = wasReady ? "" : " before it was ready";
  return code === 0
    ? `the command ended by itself${when}; a service runs until it is stopped`
    : `the command ended${when}`;
}

function send(pid: number, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone meanwhile.
  }
}
