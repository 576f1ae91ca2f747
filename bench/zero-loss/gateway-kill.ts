import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { Installation } from "../../test/harness/installation.ts";
import { until } from "../../test/harness/until.ts";
import { monotonicMs } from "../load/ledger-entry.ts";
import type { GatewayKill } from "./accounting.ts";
import { holdingOf, isListeningOn, parseTcpTable } from "./tcp-table.ts";

/** Longest wait for a second worker, and for a process to stop or to end. */
const PATIENCE_MS = 60_000;
/** A worker that lives accepts what is in its queue within this; what nobody has taken then is in the frozen one's. */
const FROZEN_MS = 10;

/**
 * `kill -9` of the `nth` of the gateways that listen, once there are two. It is frozen by SIGSTOP some ms before, so that the kernel can
 * be asked what it holds; it never runs again.
 */
export async function killGateway(sluice: Installation, nth: number): Promise<GatewayKill> {
  const port = Number(new URL(sluice.clientConfig().gateway).port);
  await until(() => listening(sluice, port).length >= 2, "a second gateway to listen", PATIENCE_MS);
  const gateways = listening(sluice, port);
  const { id, identity } = gateways[nth % gateways.length]!;
  const { pid } = identity;
  process.kill(pid, "SIGSTOP");
  await until(() => threadStates(pid).every((state) => state === "T"), "the gateway to stop", PATIENCE_MS);
  const frozenAtMs = monotonicMs();
  await pause(FROZEN_MS);
  const holding = holdingOf(tcpSockets(), port, inodesOf(pid));
  const killedAtMs = monotonicMs();
  process.kill(pid, "SIGKILL");
  while (!isGone(pid)) if (monotonicMs() > killedAtMs + PATIENCE_MS) throw new Error(`${pid} does not end`);
  return { gateway: id, pid, frozenAtMs, killedAtMs, goneAtMs: monotonicMs(), ...holding };
}

/** The workers that listen on the port, by id. */
export function listening(sluice: Installation, port: number) {
  const sockets = tcpSockets();
  return sluice
    .processes()
    .filter(
      ({ kind, identity }) => kind === "gateway" && isListeningOn(sockets, port, inodesOf(identity.pid)),
    )
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

const tcpSockets = () => parseTcpTable(readFileSync("/proc/net/tcp", "latin1"));

/** Inodes of the sockets that a process has open. */
function inodesOf(pid: number): Set<number> {
  const inodes = new Set<number>();
  for (const fd of namesIn(`/proc/${pid}/fd`)) {
    const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`))?.[1];
    if (inode !== undefined) inodes.add(Number(inode));
  }
  return inodes;
}

/** Letters of proc(5), one a thread; `T` is stopped. None when the process has gone. */
function threadStates(pid: number): string[] {
  return namesIn(`/proc/${pid}/task`).map((tid) => stateIn(`/proc/${pid}/task/${tid}/stat`) ?? "T");
}

/** A zombie has closed all its sockets. */
function isGone(pid: number): boolean {
  const state = stateIn(`/proc/${pid}/stat`);
  return state === null || state === "Z" || state === "X";
}

function stateIn(file: string): string | null {
  try {
    const text = readFileSync(file, "latin1");
    return text.charAt(text.lastIndexOf(")") + 2);
  } catch {
    return null; // gone
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // gone
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ""; // closed meanwhile
  }
}
