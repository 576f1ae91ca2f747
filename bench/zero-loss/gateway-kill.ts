import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { Installation } from "../../test/harness/installation.ts";
import { until } from "../../test/harness/until.ts";
import { monotonicMs } from "../load/ledger-entry.ts";
import type { GatewayKill } from "./accounting.ts";
import { holdingOf, isListeningOn, parseTcpTable, type TcpSocket } from "./tcp-table.ts";

/** Longest wait for a second worker, and for a process to stop or to end. */
const PATIENCE_MS = 60_000;
/** Time for the other worker to accept what is in its queue, so that what nobody has taken then is the frozen one's. */
const FROZEN_MS = 5;
/** Letters of proc(5) for a thread that has stopped, and for one that has ended. */
const STOPPED = ["T"];
const DEAD = ["Z", "X"];

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
  await untilThreads(pid, STOPPED);
  const frozenAtMs = monotonicMs();
  await pause(FROZEN_MS);
  const sockets = tcpSockets();
  const holding = holdingOf(sockets, port, inodesOf(pid));
  const before = heldByOthers(sluice, port, pid, sockets);
  const killedAtMs = monotonicMs();
  process.kill(pid, "SIGKILL");
  await untilThreads(pid, DEAD);
  const goneAtMs = monotonicMs();
  const elsewhere = [...new Set([...before, ...heldByOthers(sluice, port, pid, tcpSockets())])];
  return { gateway: id, pid, frozenAtMs, killedAtMs, goneAtMs, elsewhere, ...holding };
}

function heldByOthers(
  sluice: Installation,
  port: number,
  pid: number,
  sockets: readonly TcpSocket[],
): readonly number[] {
  const others = sluice.processes().filter((p) => p.kind === "gateway" && p.identity.pid !== pid);
  return others.flatMap(({ identity }) => holdingOf(sockets, port, inodesOf(identity.pid)).accepted);
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

/**
 * Waits until all threads of a process are in one of the states; those that are gone are. Without a pause: every ms counts. The first
 * thread may be dead while others, not yet, still hold the sockets of all.
 */
async function untilThreads(pid: number, states: readonly string[]): Promise<void> {
  const giveUpAtMs = monotonicMs() + PATIENCE_MS;
  const isSo = () =>
    namesIn(`/proc/${pid}/task`)
      .map((tid) => stateIn(`/proc/${pid}/task/${tid}/stat`))
      .every((state) => state === null || states.includes(state));
  while (!isSo()) {
    if (monotonicMs() > giveUpAtMs) throw new Error(`process ${pid} does not get to ${states.join(" or ")}`);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
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
