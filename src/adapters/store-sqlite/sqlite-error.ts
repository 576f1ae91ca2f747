import { ServingError } from "../../core/errors.ts";

/** Primary result codes of SQLite (sqlite.org/rescode.html). */
const [SQLITE_READONLY, SQLITE_CORRUPT, SQLITE_FULL, SQLITE_NOTADB] = [8, 11, 13, 26];
/** Extended codes: a write, or growing the shared index of the WAL, failed; on a full disk these come too. */
const [SQLITE_IOERR_WRITE, SQLITE_IOERR_SHMSIZE] = [778, 4874];

/**
 * The one place where errors of SQLite become ours. A full or read-only disk is STORE_FULL; a damaged file is an
 * Error that names it and says what to do. Anything else is handed back as it is.
 */
export function translateSqliteError(error: unknown, file: string): unknown {
  if (!(error instanceof Error) || (error as NodeJS.ErrnoException).code === undefined) return error;
  const { code, errcode } = error as NodeJS.ErrnoException & { readonly errcode?: number };
  const primary = errcode === undefined ? null : errcode & 0xff;
  const isFull =
    primary === SQLITE_FULL ||
    primary === SQLITE_READONLY ||
    errcode === SQLITE_IOERR_WRITE ||
    errcode === SQLITE_IOERR_SHMSIZE ||
    ["ENOSPC", "EDQUOT", "EROFS"].includes(code ?? "");
  if (isFull) {
    return new ServingError("STORE_FULL", { detail: `${error.message} (${file})` }, { cause: error });
  }
  if (primary === SQLITE_CORRUPT || primary === SQLITE_NOTADB) return damaged(file, error.message, error);
  return error;
}

/** The error for a database that cannot be trusted. */
export function damaged(file: string, detail: string, cause?: unknown): Error {
  return new Error(
    `the database ${file} is damaged: ${detail}. Move it and its -wal and -shm away, and start again with --from-backup and the newest file of sluice backup`,
    { cause },
  );
}
