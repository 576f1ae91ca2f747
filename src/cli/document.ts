import { existsSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type CliIo, Failure, Misuse } from "./cli-io.ts";

/** Fields of a service.json that may name files on this machine (eas-reference §1.1). */
const PATH_FIELDS = ["model_path", "processor_path", "warm_up_data_path"] as const;

/** Files are looked for only when the server is on this machine; another one has its own. */
const LOCAL_HOSTS = new Set(["127.0.0.1", "localhost", "[::1]"]);

/**
 * Reads a service.json for the server at `address`, see `withAbsolutePaths`.
 * @throws Failure for a file that is missing, or that names one that is
 */
export function readDocument(file: string, address: string, io: Pick<CliIo, "cwd">): string {
  const path = resolve(io.cwd, file);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new Failure(`cannot read ${file}: ${(error as Error).message}`, { cause: error });
  }
  return withAbsolutePaths(text, { source: file, folder: dirname(path), address });
}

/**
 * Makes relative paths in the text of a service.json absolute, for a path means nothing to a server without the
 * folder of the file. Everything else is the server's to judge; text that is no JSON too, so that there is
 * one message for it: then the text goes as it is.
 * @throws Failure when it names a file that is missing
 */
export function withAbsolutePaths(
  text: string,
  from: { readonly source: string; readonly folder: string; readonly address: string },
): string {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return text;
  }
  if (typeof document !== "object" || document === null || Array.isArray(document)) return text;
  const isLocal = LOCAL_HOSTS.has(new URL(from.address).hostname);
  for (const field of PATH_FIELDS) {
    const value = (document as Record<string, unknown>)[field];
    if (typeof value !== "string") continue;
    const found = absolutePath(value, from.folder);
    if (found === null) continue;
    if (isLocal && !existsSync(found)) {
      throw new Failure(`${from.source}: $.${field}: there is no file or folder ${found}`);
    }
    text = withPath(text, field, value, found);
  }
  return text;
}

/**
 * The same text with another value in one place, so that the server's messages name the lines of the user's file, and
 * nothing of it (a name given twice, say) is lost on the way.
 */
function withPath(text: string, field: string, value: string, absolute: string): string {
  if (value === absolute) return text;
  const places = [...text.matchAll(new RegExp(`"${field}"\\s*:\\s*("(?:[^"\\\\]|\\\\.)*")`, "g"))];
  const [place] = places.filter((match) => JSON.parse(match[1]!) === value);
  // Written with escapes in its name, or there twice: then the lines do not matter enough.
  if (!place || places.length > 1) return JSON.stringify({ ...JSON.parse(text), [field]: absolute });
  const end = place.index + place[0].length;
  return text.slice(0, end - place[1]!.length) + JSON.stringify(absolute) + text.slice(end);
}

/** null for what is no path on a machine: http, https, oss, … */
function absolutePath(value: string, folder: string): string | null {
  if (value.startsWith("file://")) {
    try {
      return fileURLToPath(value);
    } catch {
      return null; // `file://host/…`: the server says what is wrong with it.
    }
  }
  if (value === "" || /^[a-z][a-z0-9+.-]*:\/\//i.test(value)) return null;
  return resolve(folder, value);
}

/**
 * `-Dmetadata.instance=2` as a part of a service.json with a dotted key, which the server opens (eas-reference §1.0).
 * Numbers, booleans, null, lists and objects are read as JSON; everything else is text.
 */
export function readAssignments(assignments: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    assignments.map((assignment) => {
      const at = assignment.indexOf("=");
      if (at <= 0) throw new Misuse(`-D${assignment}: write it as -Dmetadata.instance=2`);
      return [assignment.slice(0, at), assigned(assignment.slice(at + 1))];
    }),
  );
}

function assigned(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
