import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/** A socket that waits for TCP connections. */
export interface Listener {
  readonly port: number;
  /** The loopback address that reaches it; null: it is bound to an address that loopback does not reach. */
  readonly host: string | null;
  /** An IPv6 socket; one bound to `::` takes IPv4 too, unless it was told not to. */
  readonly isV6: boolean;
  readonly inode: string;
}

/** State of a listening socket in /proc/net/tcp (include/net/tcp_states.h). */
const LISTEN = "0A";
const LOOPBACK = "127.0.0.1";
const LOOPBACK_6 = "::1";

/** All listening TCP sockets of this machine's network namespace. */
export function tcpListeners(): Listener[] {
  return ["tcp", "tcp6"].flatMap((name) => {
    try {
      return parseListeners(readFileSync(`/proc/self/net/${name}`, "latin1"));
    } catch {
      return []; // A kernel without IPv6 has no tcp6.
    }
  });
}

/** The listening sockets of a text in the form of /proc/net/tcp or /proc/net/tcp6 (proc_pid_net(5)). */
export function parseListeners(text: string): Listener[] {
  const found: Listener[] = [];
  for (const line of text.split("\n").slice(1)) {
    const fields = line.trim().split(/\s+/);
    const [address = "", port = ""] = (fields[1] ?? "").split(":");
    const inode = fields[9];
    if (fields[3] !== LISTEN || inode === undefined) continue;
    const isV6 = address.length > 8;
    found.push({ port: Number.parseInt(port, 16), host: hostOf(address), isV6, inode });
  }
  return found;
}

/** Addresses are words in the machine's byte order: little-endian, so `0100007F` is 127.0.0.1. */
function hostOf(address: string): string | null {
  if (address.length === 8) return hostOf4(address);
  if (/^0{32}$/.test(address)) return LOOPBACK; // what of it is so is tried; see ListenProber
  if (address === "00000000000000000000000001000000") return LOOPBACK_6;
  return address.startsWith("0000000000000000FFFF0000") ? hostOf4(address.slice(24)) : null;
}

function hostOf4(word: string): string | null {
  if (word === "00000000") return LOOPBACK;
  const bytes = word.match(/../g)!.map((hex) => Number.parseInt(hex, 16));
  return bytes[3] === 127 ? bytes.toReversed().join(".") : null;
}

/** Inodes of the sockets that a process holds; none for one that is gone, or not ours to look at. */
export function socketsOf(pid: number): Set<string> {
  const folder = `/proc/${pid}/fd`;
  const inodes = new Set<string>();
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return inodes;
  }
  for (const name of names) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(join(folder, name)))?.[1];
      if (inode !== undefined) inodes.add(inode);
    } catch {
      // Closed meanwhile.
    }
  }
  return inodes;
}
