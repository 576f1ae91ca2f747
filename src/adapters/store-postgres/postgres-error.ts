import { ServingError } from "../../core/errors.ts";

/** Codes of PostgreSQL (postgresql.org/docs, appendix "PostgreSQL Error Codes"). */
const [DISK_FULL, FOREIGN_KEY, READ_ONLY] = ["53100", "23503", "25006"];
/** The server ends this session, is not there yet, has no room for it, or gave the statement up; and those of a lost deadlock or race. */
const PASSING = new Set([
  "57P01",
  "57P02",
  "57P03",
  "57P05",
  "57014",
  "53000",
  "53200",
  "53300",
  "55P03",
  "25P03",
  "40001",
  "40P01",
]);
/** What no waiting mends: wrong user, password or database, no right to do it, a layout that was changed by hand. */
const LASTING = /^(28|3D|3F|42)/;
/** Of sockets and names. A host that is not known may only be not known yet. */
const NETWORK =
  /^(ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|ENOENT|EACCES|ABORT_ERR)/;
/** Words of the driver for which it has no code. */
const DRIVER =
  /^(Connection terminated|Client has encountered|Client was closed|Query read timeout|timeout exceeded|timeout expired|Cannot use a pool after|The server does not support SSL)/;

const codeOf = (error: unknown): string => (error as { readonly code?: string } | null)?.code ?? "";
const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * The one place where errors of PostgreSQL and its driver become ours. `place` is the address for people. A full disk is STORE_FULL, all that
 * may pass is STORE_UNAVAILABLE, what a person has to put right is an Error that names the place; anything else is handed back.
 */
export function translatePostgresError(error: unknown, place: string): unknown {
  if (error instanceof ServingError) return error;
  const [code, text] = [codeOf(error), textOf(error)];
  const detail = `${text} (${place})`;
  if (code === DISK_FULL) return new ServingError("STORE_FULL", { detail }, { cause: error });
  if (code === READ_ONLY || PASSING.has(code) || isConnectionLoss(error))
    return new ServingError("STORE_UNAVAILABLE", { detail }, { cause: error });
  if (LASTING.test(code)) return new Error(`the database ${place} cannot be used: ${text}`, { cause: error });
  return error;
}

/** Nobody knows what became of the statement that was under way. */
export function isConnectionLoss(error: unknown): boolean {
  const code = codeOf(error);
  return (
    code.startsWith("08") ||
    ["57P01", "57P02", "57P03", "25P03"].includes(code) ||
    NETWORK.test(code) ||
    DRIVER.test(textOf(error))
  );
}

/** A row that this one belongs to is gone. */
export function isForeignKeyError(error: unknown): boolean {
  return codeOf(error) === FOREIGN_KEY;
}

/** Two transactions met, and this one gave way: nothing of it was done. */
export function isLostRace(error: unknown): boolean {
  return ["40001", "40P01"].includes(codeOf(error));
}

/** Waiting does not help. */
export function isLasting(error: unknown): boolean {
  return LASTING.test(codeOf(error)) || LASTING.test(codeOf((error as Error | null)?.cause));
}
