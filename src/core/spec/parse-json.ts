import { ServingError } from "../errors.ts";
import { findJsonFault } from "./scan-json.ts";

/**
 * Reads JSON text that people write. Beyond RFC 8259 it lets a byte order mark pass, and refuses a name that is given
 * twice in one object, because readers differ in which one counts, and nesting deeper than 200 levels.
 * The size is for the caller to limit; the time taken is linear in it.
 *
 * @throws ServingError INVALID_JSON with line, column, what stands there and what was expected.
 */
export function parseJson(text: string): unknown {
  const body = text.startsWith("\uFEFF") ? text.slice(1) : text;
  const fault = findJsonFault(body);
  if (fault !== null) {
    throw new ServingError("INVALID_JSON", { detail: `${placeOf(body, fault.offset)}: ${fault.detail}` });
  }
  return JSON.parse(body) as unknown;
}

/** Line and column from 1; the column counts characters. */
function placeOf(text: string, offset: number): string {
  const before = text.slice(0, offset);
  const line = before.split("\n").length;
  const column = [...before.slice(before.lastIndexOf("\n") + 1)].length + 1;
  return `line ${line}, column ${column}`;
}
