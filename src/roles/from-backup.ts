import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { restoreBackup } from "../core/change/restore.ts";
import { ServingError } from "../core/errors.ts";
import type { Store } from "../ports/store.ts";
import { readBackup } from "../server/backup-lines.ts";
import { SERVER_LIMITS } from "../server/deps.ts";

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
  if (state.services.size > 0 || state.groups.size > 0)
    return "  backup       not read: the store is not empty (sluice restore brings it back to a backup)";
  try {
    const context = { nowMs, serviceId: "", serviceToken: "", groupToken: "" }; // fresh names are for what is created anew
    const { changes, record } = restoreBackup(state, readBackup(await textOf(file)), context);
    if ((await store.commit(revision, changes)) === "conflict")
      throw new Error("somebody else wrote to the store meanwhile");
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
