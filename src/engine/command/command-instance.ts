import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay, setImmediate as turn } from "node:timers/promises";
import { writeFileAtomicSync } from "../../base/atomic-file.ts";
import { processesOf } from "../../base/command-processes.ts";
import { lastLines } from "../../base/log-tail.ts";
import { type ProcessIdentity, readStartTicks } from "../../base/process-identity.ts";
import { exitReason } from "../../core/health/exit-reason.ts";
import type { CommandSpec, InstanceSpec, InstanceState } from "../../core/instance-spec.ts";
import type { ExitReason } from "../../core/reasons.ts";
import type { InstanceDir } from "../instance-dir.ts";
import type { EngineLimits } from "../limits.ts";
import type { LogFile } from "../log-file.ts";
import { OomKills } from "../oom-kills.ts";
import { type CommandLine, commandLine } from "./command-line.ts";
import { type Condition, ConditionWatch } from "./condition.ts";
import { ListenProber } from "./listen-prober.ts";
import { logOutput } from "./output.ts";
import { claimPort, type PortClaim } from "./port-claim.ts";

/** One that failed its startup or liveness check is given so long after SIGTERM, in ms: what hangs does not hear it. */
const UNHEALTHY_GRACE_MS = 5_000;
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
  /** What the command is told to listen on; absent: a free one. */
  readonly port?: number;
}

/** Why an instance could not go on; it has been written to exit.json. */
export class CommandFailure extends Error {
  override readonly name = "CommandFailure";
}

/**
 * One instance that is a program of the user's own: starts it in a session of its own, writes its output to the log, watches
 * whether it may get requests, and ends it with all that it started.
 *
 * loading → ready when it listens and its checks are good; unready while they are not, and back; draining once it is asked to end. A
 * program that ends by itself is a failure, written to exit.json; one whose startup or liveness check fails is ended, and has failed
 * as well. No request passes through here: gateways talk to the program.
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
  /** Why its checks gave it up; null: they did not. */
  #death: string | null = null;
  #oomKills: OomKills | null = null;

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
    const { spec, command, dir, env, log, limits } = this.#parts;
    let line: CommandLine;
    try {
      this.#claim = await claimPort(this.#parts.port);
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
    const output = logOutput(child, log, limits);
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
    const { port } = this.#claim;
    const watch = new ConditionWatch({
      prober: new ListenProber({
        givenPort: port,
        declaredPort: command.port,
        processes: () => this.#processes(),
      }),
      health: command.health ?? {},
      tools: {
        commandLine: (argv) =>
          commandLine(spec, { ...command, argv }, { port, folder: dir.path, inherited: env }),
        folder: dir.path,
      },
      told: (condition) => this.#judge(condition),
    });
    const watching = watch.run(this.#over.signal);
    const [code, endSignal] = await ended;
    this.#over.abort();
    await watching;
    if (this.#isAsked) await this.#untilNoneLeft(signal);
    await this.#endAll();
    // A process that stood still itself reads what has come meanwhile before it calls the time over.
    await Promise.race([closed, delay(OUTPUT_MS_MAX, undefined, { ref: false }).then(() => turn())]);
    output.end();
    if (this.#isAsked || signal.aborted) return;
    const end = { code, signal: endSignal };
    if (this.#death !== null) return this.#fail("Unhealthy", end, this.#death);
    const oomKills = this.#oomKills?.since() ?? 0;
    const reason = exitReason({ ...end, oomKills, lastLines: this.#lastLines() });
    this.#fail(reason, end, endText(code, this.#wasReady) + output.lastText());
  }

  #started(child: ChildProcess): void {
    const pid = child.pid as number;
    const startTicks = readStartTicks(pid);
    this.#child = child;
    this.#oomKills = new OomKills(pid);
    // Ended already: then nobody can have taken its number yet, since it was not waited for.
    this.#leader = { pid, startTicks: startTicks ?? 0 };
    const { dir, log } = this.#parts;
    if (startTicks !== null) writeFileAtomicSync(dir.commandFile, JSON.stringify(this.#leader), 0o600);
    log.line(`the command is pid ${pid}, PORT ${this.#claim?.port}`);
  }

  #judge(condition: Condition): void {
    if (this.#isAsked || this.#death !== null) return;
    if ("isDead" in condition) {
      this.#giveUp(condition.message);
      return;
    }
    if (!condition.isReady) {
      this.#setNotReady(condition.message);
      return;
    }
    const { host, port, note } = condition;
    if (this.#state.phase === "ready" && this.#state.port === port && this.#state.host === host) return;
    this.#wasReady = true;
    const message = `listens on ${host === "::1" ? "[::1]" : host}:${port}${note === "" ? "" : `. ${note}`}`;
    this.#set({ phase: "ready", message, port, host, ...(note === "" ? {} : { note }) });
  }

  #setNotReady(message: string): void {
    const phase = this.#wasReady ? "unready" : "loading";
    if (this.#state.phase !== phase || this.#state.message !== message)
      this.#set({ phase, message, port: null });
  }

  /** Ends a program that is there and of no use: it leaves the traffic, then by SIGTERM, then by force. `run` tells why. */
  #giveUp(message: string): void {
    this.#death = message;
    this.#setNotReady(`${message}; it is ended`);
    for (const { pid } of this.#processes()) send(pid, "SIGTERM");
    const byForce = () => void this.#endAll();
    const timer = setTimeout(byForce, UNHEALTHY_GRACE_MS);
    this.#over.signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  }

  #lastLines(): string[] {
    const { log } = this.#parts;
    log.flush();
    return lastLines(log.path, this.#startedAtMs);
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

  #fail(reason: ExitReason, end: { code: number | null; signal: string | null }, message: string): never {
    const { dir, log, wallNow } = this.#parts;
    this.#hasFailed = true;
    dir.writeExit({
      ...end,
      reason,
      message,
      startedAtMs: this.#startedAtMs,
      finishedAtMs: wallNow(),
      lastLines: this.#lastLines(),
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
