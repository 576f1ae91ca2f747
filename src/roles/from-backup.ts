import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { AUDIT_CHARS_MAX, type AuditEntry } from "../core/access/audit-entry.ts";
import { restoreBackup } from "../core/change/restore.ts";
import { ServingError } from "../core/errors.ts";
import type { Store } from "../ports/store.ts";
import { readBackup } from "../server/backup-lines.ts";
import { SERVER_LIMITS } from "../server/deps.ts";

/** What the audit log says of it: nobody asked by a key. */
const AT_START: Omit<AuditEntry, "atMs" | "change"> = {
  requestId: "",
  keyId: "",
  keyNote: "--from-backup",
  remoteAddress: "",
  operation: "RestoreBackup",
  target: "",
  outcome: "done",
  code: null,
};

/** The file that an empty store shall begin with cannot be used. Said to the person who started it, without a stack. */
export class BadBackup extends Error {
  override readonly name = "BadBackup";
}

/**
 * Puts a backup into a store that has nothing, before any loop looks at it: instances that a lost store left running have the same names,
 * and are taken over as they are. Resolves to what there is to say, null when no file is named.
 * @throws BadBackup when the file is needed and is no whole backup
 */
export async function beginFromBackup(
  store: Store,
  file: string | null,
  nowMs: number,
): Promise<string | null> {
  if (file === null) return null;
  const { revision, state } = await store.readDesired();
  // One that has nothing any more is not empty either: what was deleted, and tokens that were revoked, must not come back by a restart.
  if (revision > 0 || state.services.size > 0 || state.groups.size > 0)
    return "  backup       not read: the store is not empty, or was in use before (sluice restore brings it back to a backup)";
  try {
    const context = { nowMs, serviceId: "", serviceToken: "", groupToken: "" }; // fresh names are for what is created anew
    const { changes, record, summary = "" } = restoreBackup(state, readBackup(await textOf(file)), context);
    const entry = { ...AT_START, atMs: nowMs, change: summary.slice(0, AUDIT_CHARS_MAX) };
    if ((await store.commit(revision, [...changes, { kind: "add-audit", entry }])) === "conflict")
      throw new Error("somebody else has written to the store meanwhile");
    return `  backup       ${record.services.length} services and ${record.groups.length} groups from ${file}`;
  } catch (error) {
    if (error instanceof ServingError && error.code === "STORE_FULL") throw error;
    throw new BadBackup(`--from-backup ${file}: ${(error as Error).message}`, { cause: error });
  }
}

async function textOf(file: string): Promise<string> {
  const bytes = await readFile(file);
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const plain = isGzip
    ? await promisify(gunzip)(bytes, { maxOutputLength: SERVER_LIMITS.linesBytesMax })
    : bytes;
  return plain.toString("utf8");
}
