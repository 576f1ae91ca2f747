import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** Read from the end of a log; more is not looked through. */
const TAIL_BYTES = 16 * 1024;
/** Lines kept, and characters of each. */
export const LAST_LINES_MAX = 10;
export const LAST_LINE_CHARS_MAX = 300;

/** `2026-11-21T21:25:06.123Z text`: how lines stand in the log of an instance. */
const LINE = /^(\d{4}-\d\d-\d\dT[\d:.]{12}Z) (.*)$/;
/** Lines that no program of the user's printed. */
const OURS = /^\[(?:engine|sluice)\] /;

/**
 * The last lines that the programs of an instance printed since `sinceMs` (wall clock), oldest first, without their times: at most ten, the
 * empty ones left out. A log that cannot be read has none.
 */
export function lastLines(logFile: string, sinceMs: number): string[] {
  const found: string[] = [];
  for (const line of readTail(logFile).split("\n")) {
    const [, stamp = "", text = ""] = LINE.exec(line) ?? [];
    if (text.trim() === "" || OURS.test(text) || !(Date.parse(stamp) >= sinceMs)) continue;
    found.push(text.trimEnd().slice(0, LAST_LINE_CHARS_MAX));
  }
  return found.slice(-LAST_LINES_MAX);
}

/** The first line of it may be cut: it has no time then, and does not count. */
function readTail(path: string): string {
  let file: number | null = null;
  try {
    file = openSync(path, "r");
    const { size } = fstatSync(file);
    const from = Math.max(0, size - TAIL_BYTES);
    const bytes = Buffer.alloc(size - from);
    const count = readSync(file, bytes, 0, bytes.length, from);
    return bytes.toString("utf8", 0, count);
  } catch {
    return "";
  } finally {
    if (file !== null) closeSync(file);
  }
}
