import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { writeFileAtomic } from "../../base/atomic-file.ts";
import { lastLines } from "../../base/log-tail.ts";
import { isSameProcess } from "../../base/process-identity.ts";
import type { AccessRules, InstanceSpec, InstanceState, LimitsInForce } from "../../core/instance-spec.ts";
import type { InstanceWork } from "../../core/instance-work.ts";
import type { InstanceId, ServiceName } from "../../core/names.ts";
import type { InstanceExit } from "../../core/service.ts";
import type { Address } from "../../core/traffic/route-table.ts";
import type { InstanceReport, LogOptions, RuntimeDriver } from "../../ports/runtime.ts";
import type { InstanceGroups } from "./cgroup/instance-groups.ts";
import { endProcess, killLeftOvers } from "./end.ts";
import { HintSource } from "./hint-source.ts";
import { type Launched, launch } from "./launch.ts";
import { pruneLogs } from "./log-pruning.ts";
import { readLog } from "./log-reader.ts";
import { checkSocketRoom, folderOf, readExit, readJson, readOwner, writeExitIfNone } from "./run-folder.ts";
import { Turns } from "./turns.ts";

export interface ProcessDriverOptions {
  /** `$SLUICE_HOME/run`. */
  readonly runDir: string;
  /** `$SLUICE_HOME/logs`. */
  readonly logDir: string;
  /** The command line that runs the engine of one instance folder. */
  readonly engineCommand: (folder: string, logFile: string) => readonly string[];
  /** Wall clock in ms. */
  readonly now: () => number;
  /** Control groups of this machine; absent: processes limit themselves (decision 0006). */
  readonly groups?: Pick<InstanceGroups, "enter" | "end" | "kill" | "oomKills" | "instances">;
}

/**
 * Runs each instance as an engine process on this machine, detached, so that it outlives the control process. The run
 * directory is the truth; this object may be thrown away and made anew at any time.
 */
export class ProcessDriver implements RuntimeDriver {
  readonly kind = "process";
  readonly #options: ProcessDriverOptions;
  readonly #parent: string;
  readonly #turns = new Turns();
  /** Those started by this object and not seen to end. */
  readonly #children = new Map<InstanceId, Launched & { readonly isNoted: Promise<void> }>();
  readonly #hints: HintSource;

  /** @throws Error when the run directory's path is too long for unix sockets, or cannot be made */
  constructor(options: ProcessDriverOptions) {
    this.#options = options;
    this.#parent = join(options.runDir, "instances");
    checkSocketRoom(this.#parent);
    mkdirSync(this.#parent, { recursive: true, mode: 0o700 });
    this.#hints = new HintSource(this.#parent);
  }

  start(spec: InstanceSpec, signal: AbortSignal): Promise<void> {
    return this.#turns.take(spec.id, async () => {
      signal.throwIfAborted();
      const folder = folderOf(this.#parent, spec.id);
      const owner = readOwner(folder);
      if (owner !== null && isSameProcess(owner)) return;
      await this.#isNoted(spec.id);
      if (owner !== null) await killLeftOvers(owner, folder, signal);
      await this.#options.groups?.end(basename(folder));
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      rmSync(join(folder, "access.json"), { force: true });
      await writeFileAtomic(join(folder, "spec.json"), JSON.stringify(spec), 0o600);
      signal.throwIfAborted();
      await this.#launch(spec, folder);
      pruneLogs(dirname(this.#logFile(spec.id)), (id) => existsSync(folderOf(this.#parent, id)));
    });
  }

  setAccess(id: InstanceId, access: AccessRules, signal: AbortSignal): Promise<void> {
    return this.#turns.take(id, async () => {
      signal.throwIfAborted();
      const folder = folderOf(this.#parent, id);
      if (!existsSync(folder)) return;
      const { tokens, groupTokens, isBodyChecked } = access;
      const text = JSON.stringify({ tokens, groupTokens, isBodyChecked });
      await writeFileAtomic(join(folder, "access.json"), text, 0o600);
    });
  }

  stop(id: InstanceId, graceMs: number, signal: AbortSignal): Promise<void> {
    return this.#turns.take(id, async () => {
      signal.throwIfAborted();
      const folder = folderOf(this.#parent, id);
      const owner = readOwner(folder);
      if (owner !== null) await endProcess(owner, folder, graceMs, signal);
      await this.#isNoted(id);
      await this.#options.groups?.end(basename(folder));
      rmSync(folder, { recursive: true, force: true });
      this.#hints.tell(id);
    });
  }

  /**
   * Ends what is left in control groups of instances that have no folder any more: of a control process that was killed while it
   * removed one. Called once, before anything is started.
   */
  async sweep(): Promise<void> {
    const { groups } = this.#options;
    for (const name of groups?.instances() ?? []) {
      if (!existsSync(join(this.#parent, name))) await groups?.end(name);
    }
  }

  async list(owner?: ServiceName): Promise<readonly InstanceReport[]> {
    // A shortened folder name does not show its service for sure; its spec does.
    const names = readdirSync(this.#parent).filter(
      (name) => owner === undefined || name.startsWith(`${owner}-v`) || name.includes("~"),
    );
    const reports = await Promise.all(names.map((name) => this.#report(join(this.#parent, name))));
    return reports.filter((r) => r !== null).filter((r) => owner === undefined || r.spec.service === owner);
  }

  async work(): Promise<readonly InstanceWork[]> {
    const works = readdirSync(this.#parent).map((name) =>
      readJson<InstanceWork>(join(this.#parent, name, "work.json")),
    );
    return works.filter((work) => work !== null);
  }

  hints(signal: AbortSignal): AsyncIterable<InstanceId> {
    return this.#hints.read(signal);
  }

  logs(id: InstanceId, options: LogOptions, signal: AbortSignal): AsyncIterable<string> {
    return readLog(this.#logFile(id), options, signal);
  }

  async #launch(spec: InstanceSpec, folder: string): Promise<void> {
    const { now, engineCommand, groups } = this.#options;
    const logFile = this.#logFile(spec.id);
    const startedAtMs = now();
    try {
      const engine = engineCommand(folder, logFile);
      const entered = groups?.enter(basename(folder), spec.limits, engine);
      if (entered !== undefined)
        await writeFileAtomic(join(folder, "limits.json"), JSON.stringify(entered.inForce), 0o600);
      const launched = await launch({ folder, logFile, command: entered?.command ?? engine });
      const isNoted = this.#noteEnd(spec, folder, startedAtMs, launched);
      this.#children.set(spec.id, { ...launched, isNoted });
    } catch (error) {
      const message = `${nounOf(spec)} cannot be started: ${(error as Error).message}`;
      const finishedAtMs = now();
      writeExitIfNone(folder, {
        code: null,
        signal: null,
        reason: "StartFailed",
        message,
        startedAtMs,
        finishedAtMs,
      });
      throw new Error(message, { cause: error });
    } finally {
      this.#hints.tell(spec.id);
    }
  }

  /** Waits for the end of a child that is about to end, or has. */
  async #isNoted(id: InstanceId): Promise<void> {
    const child = this.#children.get(id);
    child?.hold();
    await child?.isNoted;
  }

  async #noteEnd(spec: InstanceSpec, folder: string, startedAtMs: number, launched: Launched): Promise<void> {
    const { id } = spec;
    const { code, signal, isOwner } = await launched.ended;
    this.#children.delete(id);
    if (isOwner) {
      const reason = code === 0 ? "Completed" : "Error";
      const message =
        signal === null
          ? `${nounOf(spec)} ended with exit code ${code}`
          : `${nounOf(spec)} was ended by ${signal}`;
      const exit: InstanceExit = {
        code,
        signal,
        reason,
        message,
        startedAtMs,
        finishedAtMs: this.#options.now(),
        lastLines: lastLines(this.#logFile(id), startedAtMs),
      };
      writeExitIfNone(folder, this.#withCause(exit, spec, folder));
    }
    this.#hints.tell(id);
  }

  async #report(folder: string): Promise<InstanceReport | null> {
    const spec = readJson<InstanceSpec>(join(folder, "spec.json"));
    if (spec === null) return null;
    const owner = readOwner(folder);
    const isAlive = owner === null ? this.#turns.isTaken(spec.id) : isSameProcess(owner);
    const limits = readJson<LimitsInForce>(join(folder, "limits.json"));
    if (isAlive && limits !== null) this.#endIfOutOfMemory(spec, folder, limits);
    // Its parent is about to hear how it ended.
    if (!isAlive) await this.#isNoted(spec.id);
    const startedAtMs = startOf(folder);
    const state = readJson<InstanceState>(join(folder, "state.json"));
    // One that has failed has written down why before it said so, and may be ended before it is gone.
    const written = state?.phase === "failed" ? readExit(folder) : null;
    const exit = isAlive ? written : this.#exitOf(spec, folder, startedAtMs);
    if (!existsSync(join(folder, "spec.json"))) return null; // stopped while we looked
    return {
      spec: { ...spec, ...readJson<AccessRules>(join(folder, "access.json")) },
      isAlive,
      pid: isAlive ? (owner?.pid ?? null) : null,
      startedAtMs,
      state,
      address: addressOf(spec, state, folder),
      exit,
      limits,
    };
  }

  /**
   * A group of version 1 cannot end as a whole when its memory is used up: the kernel kills one process of it, and what is left would
   * go on without it. The end is written down and carried out here, as a group of version 2 does by itself.
   */
  #endIfOutOfMemory(spec: InstanceSpec, folder: string, limits: LimitsInForce): void {
    const { groups, now } = this.#options;
    if (limits.memory !== "cgroup1" || groups === undefined || this.#turns.isTaken(spec.id)) return;
    if (groups.oomKills(basename(folder)) === 0) return;
    const finishedAtMs = now();
    const startedAtMs = startOf(folder);
    const end: InstanceExit = {
      code: null,
      signal: "SIGKILL",
      reason: "Error",
      message: "",
      startedAtMs,
      finishedAtMs,
    };
    writeExitIfNone(folder, this.#withCause(end, spec, folder));
    groups.kill(basename(folder));
  }

  /** Says so when what ended an instance was that its memory was used up. */
  #withCause(exit: InstanceExit, spec: InstanceSpec, folder: string): InstanceExit {
    const kills = exit.reason === "Completed" ? 0 : (this.#options.groups?.oomKills(basename(folder)) ?? 0);
    if (kills === 0) return exit;
    const message = `it used up its memory, ${spec.limits.memoryMb} MB (metadata.memory), and was ended`;
    return { ...exit, reason: "OOMKilled", message };
  }

  /** How a dead one ended. When nobody saw it, this look is the time of it, and is written down. */
  #exitOf(spec: InstanceSpec, folder: string, startedAtMs: number): InstanceExit {
    const known = readExit(folder);
    if (known !== null) return this.#withCause(known, spec, folder);
    const message = `${nounOf(spec)} is gone, and nobody saw it end`;
    const finishedAtMs = this.#options.now();
    const printed = lastLines(this.#logFile(spec.id), startedAtMs);
    const times = { startedAtMs, finishedAtMs };
    const exit: InstanceExit = {
      code: null,
      signal: null,
      reason: "Lost",
      message,
      ...times,
      lastLines: printed,
    };
    const lost = this.#withCause(exit, spec, folder);
    writeExitIfNone(folder, lost);
    return readExit(folder) ?? lost;
  }

  /** `logs/<service>/<instance>.log`; an id is `<service>-v<version>[.<epoch>]-<slot>` (core/names.ts). */
  #logFile(id: InstanceId): string {
    const service = id.replace(/-v\d+(\.\d+)?-\d+$/, "");
    return join(this.#options.logDir, service, `${id}.log`);
  }
}

/** When the instance of a folder was last started: its spec is written for each start. */
const startOf = (folder: string) =>
  Math.round(statSync(join(folder, "spec.json"), { throwIfNoEntry: false })?.mtimeMs ?? 0);

/** A program of the user's own is called where it listens; an engine at its socket, which is cheaper. */
function addressOf({ processor }: InstanceSpec, state: InstanceState | null, folder: string): Address {
  if (processor.kind !== "command") return { kind: "unix", path: join(folder, "data.sock") };
  return { kind: "tcp", host: state?.host ?? "127.0.0.1", port: state?.port ?? processor.port };
}

/** What our process of an instance is, for people. */
const nounOf = ({ processor }: InstanceSpec) =>
  processor.kind === "command" ? "the process that watches the command" : "the engine";
