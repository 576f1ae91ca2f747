import { readdirSync, readFileSync } from "node:fs";

/** A process that cannot be mistaken for a later one with the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of `/proc/<pid>/stat` (proc_pid_stat(5)): clock ticks between boot and its start. */
  readonly startTicks: number;
}

/** What `/proc/<pid>/stat` says that is of use here. */
interface ProcessStat {
  /** One letter; `Z` and `X` are dead and only wait for their parent. */
  readonly state: string;
  readonly processGroup: number;
  readonly session: number;
  readonly startTicks: number;
}

/** Start time of a living process in ticks since boot; null when there is none, or it is a zombie. */
export function readStartTicks(pid: number): number | null {
  const stat = readStat(pid);
  return stat === null || isDead(stat) ? null : stat.startTicks;
}

/** True while exactly this process lives. False for a zombie, and for another process under a recycled pid. */
export function isSameProcess(identity: ProcessIdentity): boolean {
  return readStartTicks(identity.pid) === identity.startTicks;
}

/** True while exactly this process is stopped, as by SIGSTOP or a debugger. */
export function isPaused({ pid, startTicks }: ProcessIdentity): boolean {
  const stat = readStat(pid);
  return stat !== null && stat.startTicks === startTicks && /^[Tt]$/.test(stat.state);
}

/** Identity of the calling process. */
export function ownIdentity(): ProcessIdentity {
  const startTicks = readStartTicks(process.pid);
  if (startTicks === null) throw new Error("/proc/self/stat cannot be read: Sluice needs Linux with /proc");
  return { pid: process.pid, startTicks };
}

/** The process group of a process, zombies included; null when there is no such process. */
export function readProcessGroup(pid: number): number | null {
  return readStat(pid)?.processGroup ?? null;
}

/** Reads `{"pid":…, "startTicks":…}`; null for anything else. */
export function parseIdentity(text: string): ProcessIdentity | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const { pid, startTicks } = value as Partial<Record<keyof ProcessIdentity, unknown>>;
  // A pid below 2 would address init, one's own group, or everybody.
  if (!Number.isSafeInteger(pid) || (pid as number) < 2) return null;
  if (!Number.isSafeInteger(startTicks) || (startTicks as number) < 0) return null;
  return { pid: pid as number, startTicks: startTicks as number };
}

/** A living process and the groups it is in. */
export interface LivingProcess extends ProcessIdentity {
  readonly processGroup: number;
  /** The session, which outlives changes of the group; a shell with job control makes groups of its own. */
  readonly session: number;
}

/** All living processes of this machine. */
export function livingProcesses(): LivingProcess[] {
  const living: LivingProcess[] = [];
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isSafeInteger(pid)) continue;
    const stat = readStat(pid);
    if (stat === null || isDead(stat)) continue;
    const { processGroup, session, startTicks } = stat;
    living.push({ pid, processGroup, session, startTicks });
  }
  return living;
}

/** True when a process was started with exactly this `NAME=value` in its environment, or inherited it. False for others' processes. */
export function isStartedWith(pid: number, entry: string): boolean {
  try {
    return `\0${readFileSync(`/proc/${pid}/environ`, "utf8")}`.includes(`\0${entry}\0`);
  } catch {
    return false;
  }
}

function isDead(stat: ProcessStat): boolean {
  return stat.state === "Z" || stat.state === "X";
}

/** The second field is the command in parentheses and may hold spaces and parentheses: count from the last one. */
function readStat(pid: number): ProcessStat | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return null;
  }
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, startTicks] = [fields[0], Number(fields[19])];
  if (state === undefined || !Number.isSafeInteger(startTicks)) return null;
  return { state, processGroup: Number(fields[2]), session: Number(fields[3]), startTicks };
}
