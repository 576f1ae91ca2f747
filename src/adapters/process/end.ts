import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { processesOf } from "../../base/command-processes.ts";
import {
  isSameProcess,
  type ProcessIdentity,
  parseIdentity,
  readProcessGroup,
  readStartTicks,
} from "../../base/process-identity.ts";
import type { InstanceSpec } from "../../core/instance-spec.ts";
import { readIfThere, readJson } from "./run-folder.ts";

/** How often a process that is not our child is looked at while waiting for its end. */
const POLL_MS = 20;
/** A killed process that is still there after this hangs in the kernel (e.g. on a dead network disk). */
const KILL_WAIT_MS = 10_000;

/**
 * Asks a process to end (SIGTERM), and kills its whole process group when `graceMs` is over. Resolves once it and all
 * that is left of its group are gone. A pid that belongs to another process by now is never signalled.
 * @throws the signal's reason; Error when something cannot be killed
 */
export async function endProcess(
  owner: ProcessIdentity,
  folder: string,
  graceMs: number,
  signal?: AbortSignal,
): Promise<void> {
  if (isSameProcess(owner)) {
    send(owner.pid, "SIGTERM");
    await isGoneWithin(() => !isSameProcess(owner), graceMs, signal);
  }
  if (isSameProcess(owner)) {
    if (readProcessGroup(owner.pid) === owner.pid) send(-owner.pid, "SIGKILL");
    send(owner.pid, "SIGKILL");
    await mustBeGone(() => !isSameProcess(owner), `process ${owner.pid}`, signal);
  }
  await killLeftOvers(owner, folder, signal);
}

/** Kills what a dead leader left behind: workers of its group that missed its end, or hang; the command that it watched. */
export async function killLeftOvers(
  owner: ProcessIdentity,
  folder: string,
  signal?: AbortSignal,
): Promise<void> {
  await killCommand(folder, signal);
  // Somebody else under that pid: the number was free, so nothing was left of the group.
  if (readStartTicks(owner.pid) !== null && !isSameProcess(owner)) return;
  const isGone = () => {
    const members = leftOvers(owner, folder);
    for (const pid of members) send(pid, "SIGKILL");
    return members.length === 0;
  };
  await mustBeGone(isGone, `a process of group ${owner.pid}`, signal);
}

/** A command has a session of its own: it is found by what its watcher wrote down of it, and by its mark. */
async function killCommand(folder: string, signal?: AbortSignal): Promise<void> {
  const spec = readJson<InstanceSpec>(join(folder, "spec.json"));
  if (spec?.processor.kind !== "command") return;
  const leader = parseIdentity(readIfThere(join(folder, "command.json")) ?? "");
  const isGone = () => {
    const left = processesOf(leader, folder);
    for (const { pid } of left) send(pid, "SIGKILL");
    return left.length === 0;
  };
  await mustBeGone(isGone, `a process of the command in ${folder}`, signal);
}

/** Living members of the group that name the run folder in their command line or environment: these are ours. */
function leftOvers(owner: ProcessIdentity, folder: string): number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    if (readProcessGroup(pid) !== owner.pid || pid === process.pid) return false;
    const startTicks = readStartTicks(pid);
    return startTicks !== null && startTicks >= owner.startTicks && isNaming(pid, folder);
  });
}

function isNaming(pid: number, folder: string): boolean {
  const contains = (file: string) => {
    try {
      return readFileSync(`/proc/${pid}/${file}`).includes(folder);
    } catch {
      return false;
    }
  };
  return contains("cmdline") || contains("environ");
}

function send(pid: number, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function isGoneWithin(isGone: () => boolean, ms: number, signal?: AbortSignal): Promise<boolean> {
  const end = performance.now() + ms;
  while (!isGone()) {
    const left = end - performance.now();
    if (left <= 0) return false;
    await delay(Math.min(POLL_MS, left), undefined, { signal: signal as AbortSignal });
  }
  return true;
}

async function mustBeGone(isGone: () => boolean, name: string, signal?: AbortSignal): Promise<void> {
  if (await isGoneWithin(isGone, KILL_WAIT_MS, signal)) return;
  throw new Error(`${name} was killed and is still there after ${KILL_WAIT_MS / 1000} s`);
}
