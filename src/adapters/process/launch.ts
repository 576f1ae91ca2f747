import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { writeFileAtomicSync } from "../../base/atomic-file.ts";
import { readStartTicks } from "../../base/process-identity.ts";
import { readLivingOwner, readOwner } from "./run-folder.ts";

/** A log that has grown beyond this is moved to `.1` before the next start; the process itself may do so earlier. */
const LOG_BYTES_AT_START_MAX = 64 * 1024 * 1024;

export interface Launch {
  /** The run folder; exists. */
  readonly folder: string;
  /** Standard output and error are added to its end. */
  readonly logFile: string;
  readonly command: readonly string[];
  /** The environment and folder of another process, in whose place this one starts it; its own when absent. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Open descriptors that the new process gets as 3, 4, …. */
  readonly descriptors?: readonly number[];
}

/** How a child ended, as its parent saw it. */
export interface ChildEnd {
  readonly code: number | null;
  readonly signal: string | null;
  /** False when another process had the folder, so this end is not the folder's. */
  readonly isOwner: boolean;
}

export interface Launched {
  readonly pid: number;
  /** Resolves when it has ended; never, when this process ends first. */
  readonly ended: Promise<ChildEnd>;
  /** Whoever awaits `ended` calls this first: without it, waiting alone does not keep this process up. */
  readonly hold: () => void;
}

/**
 * Starts a process that outlives this one: own session and process group, no pipe to us, not waited for. Its identity
 * is in process.json when this resolves, so that a restart right now would find it.
 * @throws Error when it cannot be started
 */
export async function launch(what: Launch): Promise<Launched> {
  const { folder } = what;
  for (const name of [
    "process.json",
    "state.json",
    "work.json",
    "exit.json",
    "data.sock",
    "worker.sock",
    "command.json",
    "control.sock",
  ]) {
    rmSync(join(folder, name), { force: true });
  }
  const child = spawnDetached(what);
  await once(child, "spawn");
  child.unref();
  const pid = child.pid as number;
  const startTicks = readStartTicks(pid);
  // Two launchers after a crash of the first: the one that is there already keeps the folder.
  if (startTicks !== null && readLivingOwner(folder) === null) {
    writeFileAtomicSync(join(folder, "process.json"), JSON.stringify({ pid, startTicks }), 0o600);
  }
  return { pid, ended: endOf(child, folder, startTicks), hold: () => child.ref() };
}

function spawnDetached({ command, logFile, env, cwd, descriptors = [] }: Launch): ChildProcess {
  const [program, ...args] = command;
  if (program === undefined) throw new Error("the command line to start is empty");
  mkdirSync(dirname(logFile), { recursive: true, mode: 0o700 });
  if ((statSync(logFile, { throwIfNoEntry: false })?.size ?? 0) > LOG_BYTES_AT_START_MAX) {
    renameSync(logFile, `${logFile}.1`);
  }
  const log = openSync(logFile, "a", 0o600);
  try {
    return spawn(program, args, {
      detached: true,
      stdio: ["ignore", log, log, ...descriptors],
      ...(env === undefined ? {} : { env }),
      ...(cwd === undefined ? {} : { cwd }),
    });
  } finally {
    closeSync(log);
  }
}

async function endOf(child: ChildProcess, folder: string, startTicks: number | null): Promise<ChildEnd> {
  const [code, signal] =
    child.exitCode !== null || child.signalCode !== null
      ? [child.exitCode, child.signalCode]
      : ((await once(child, "exit")) as [number | null, string | null]);
  const owner = readOwner(folder);
  const isOwner =
    owner === null || (owner.pid === child.pid && owner.startTicks === (startTicks ?? owner.startTicks));
  return { code, signal, isOwner };
}
