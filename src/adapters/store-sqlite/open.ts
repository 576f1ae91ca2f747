import { chmodSync, closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Store } from "../../ports/store.ts";
import { migrate } from "./migrations.ts";
import { damaged, translateSqliteError } from "./sqlite-error.ts";
import { SqliteStore } from "./store.ts";

/** How long a write waits for another program that has the file open, e.g. one that makes a copy. */
const BUSY_MS = 5000;
/** The write-ahead log is cut back to this after a checkpoint, so that one burst does not keep the disk space. */
const WAL_BYTES_KEPT = 16 * 1024 * 1024;

/**
 * Opens the store in `file`, making the file (mode 0600) and its folder (0700) when they are not there, and brings
 * its layout up to date.
 * @throws ServingError STORE_FULL; Error that names the file when it is damaged or from a newer Sluice
 */
export function openSqliteStore(file: string): Store {
  let database: DatabaseSync | undefined;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    chmodSync(dirname(file), 0o700);
    // Made before SQLite does, which would go by the umask. Its -wal and -shm files take over this mode.
    closeSync(openSync(file, "a", 0o600));
    chmodSync(file, 0o600);
    database = new DatabaseSync(file, { enableForeignKeyConstraints: true, timeout: BUSY_MS });
    database.exec("PRAGMA journal_mode = WAL");
    // FULL: a commit is on the disk when it returns, power failure included.
    database.exec("PRAGMA synchronous = FULL");
    database.exec(`PRAGMA journal_size_limit = ${WAL_BYTES_KEPT}`);
    check(database, file);
    migrate(database);
    return new SqliteStore(database, file);
  } catch (error) {
    database?.close();
    const translated = translateSqliteError(error, file);
    if (translated !== error || !(error instanceof Error) || error.message.includes(file)) throw translated;
    throw new Error(`the database ${file} cannot be opened: ${error.message}`, { cause: error });
  }
}

function check(database: DatabaseSync, file: string): void {
  const { quick_check: verdict } = database.prepare("PRAGMA quick_check(1)").get() as { quick_check: string };
  if (verdict !== "ok") throw damaged(file, verdict.replaceAll("\n", " "));
}
