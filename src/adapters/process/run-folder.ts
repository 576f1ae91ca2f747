import { createHash } from "node:crypto";
import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isSameProcess, type ProcessIdentity, parseIdentity } from "../../base/process-identity.ts";
import { asExitReason } from "../../core/reasons.ts";
import type { InstanceExit } from "../../core/service.ts";

/** Longest path of a unix socket: `sun_path` of unix(7) holds 108 bytes with the closing zero. */
export const SOCKET_PATH_BYTES_MAX = 107;
/** `/worker.sock` and `/control.sock`, the longest names of a socket in a folder. */
const SOCKET_NAME_BYTES = 13;
/** Shortest room for a folder's name that still tells instances apart for people: 11 characters, `~`, 12 of a hash. */
const FOLDER_NAME_BYTES_MIN = 24;
const HASH_CHARS = 12;

/** How many bytes a folder's name below `parent` may have, so that its sockets can be reached. */
function roomForName(parent: string): number {
  return SOCKET_PATH_BYTES_MAX - SOCKET_NAME_BYTES - Buffer.byteLength(parent) - 1;
}

/**
 * Checks that sockets below `parent` can be reached at all.
 * @throws Error for people, when the path is too long
 */
export function checkSocketRoom(parent: string): void {
  const missing = FOLDER_NAME_BYTES_MIN - roomForName(parent);
  if (missing > 0) {
    throw new Error(
      `${parent} is ${missing} bytes too long: the path of a unix socket has at most ${SOCKET_PATH_BYTES_MAX} bytes. ` +
        "Choose a shorter SLUICE_HOME, or TMPDIR for sluice test",
    );
  }
}

/** The folder of one instance or gateway: its id, or a shortened one with a hash when the sockets' paths would be too long. */
export function folderOf(parent: string, id: string): string {
  const room = roomForName(parent);
  if (Buffer.byteLength(id) <= room) return join(parent, id);
  const hash = createHash("sha256").update(id).digest("hex").slice(0, HASH_CHARS);
  return join(parent, `${id.slice(0, room - HASH_CHARS - 1)}~${hash}`);
}

/** The process that owns a folder, alive or not; null before its first start. */
export function readOwner(folder: string): ProcessIdentity | null {
  const text = readIfThere(join(folder, "process.json"));
  return text === null ? null : parseIdentity(text);
}

/** The living process that owns a folder, or null. */
export function readLivingOwner(folder: string): ProcessIdentity | null {
  const owner = readOwner(folder);
  return owner !== null && isSameProcess(owner) ? owner : null;
}

/** A file's text; null when it is not there. */
export function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}

/** A file's JSON; null when it is not there or not JSON. The files are ours and are replaced whole. */
export function readJson<T>(file: string): T | null {
  const text = readIfThere(file);
  if (text === null) return null;
  try {
    return JSON.parse(text) as T;
  } catch {
    return null;
  }
}

/** How the folder's process ended, if somebody wrote it down. */
export function readExit(folder: string): InstanceExit | null {
  const exit = readJson<InstanceExit & { readonly atMs?: number }>(join(folder, "exit.json"));
  if (exit === null) return null;
  const { code, signal, reason, message, startedAtMs, finishedAtMs, atMs, lastLines } = exit;
  return {
    code: code ?? null,
    signal: signal ?? null,
    reason: asExitReason(reason),
    message: message ?? "",
    startedAtMs: startedAtMs ?? null,
    finishedAtMs: finishedAtMs ?? atMs ?? 0,
    ...(lastLines === undefined ? {} : { lastLines }),
  };
}

/**
 * Writes exit.json unless there is one: the process itself knows better why it ended than who found it gone.
 * Nothing is written when the folder is gone.
 */
export function writeExitIfNone(folder: string, exit: InstanceExit): void {
  const temporary = join(folder, `exit.json.${process.pid}.tmp`);
  try {
    writeFileSync(temporary, JSON.stringify({ ...exit, atMs: exit.finishedAtMs }), { mode: 0o600 });
    linkSync(temporary, join(folder, "exit.json"));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // On a full disk the end is found again, as `Lost`, by the next look.
    if (code !== "EEXIST" && code !== "ENOENT" && code !== "ENOSPC") throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}
