import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..");

/** One limit as the source has it. */
export interface Limit {
  readonly name: string;
  /** As it is written: `64 * 1024`. */
  readonly value: string;
  /** Its comment; empty when it has none. */
  readonly reason: string;
  readonly file: string;
}

/** Most, least, or how much is kept of something; `_MS`, `_BYTES` and other units may stand before. */
const NAMED = /(_MAX|_MIN|_KEPT)(_MS|_BYTES)?$/;
const LINE = /^(?:export )?const ([A-Z][A-Z0-9_]*)(?:: [^=]+)? = ([^;]+);(?:\s*\/\/\s*(.*))?$/;

/** Every limit of the sources: each top-level constant that is called one and is a number, in the order of the files. */
export function limits(): Limit[] {
  return globSync("src/**/*.ts", { cwd: ROOT })
    .filter((file) => !/\.test\.ts$|^src\/(testing|cli\/demo)\//.test(file))
    .toSorted()
    .flatMap(limitsOf);
}

function limitsOf(file: string): Limit[] {
  const lines = readFileSync(join(ROOT, file), "utf8").split("\n");
  const found: Limit[] = [];
  let before = "";
  for (const [at, line] of lines.entries()) {
    const [, name, value, beside] = LINE.exec(line) ?? [];
    // One comment may speak of several constants below each other, of the least and the most of a thing say.
    before = name === undefined ? "" : (beside ?? commentAbove(lines, at) ?? before);
    const isNamed =
      name !== undefined && (NAMED.test(name) || (/\/limits\.ts$/.test(file) && name.includes("_")));
    if (isNamed && /^[\d(]|^[A-Z0-9_]+ [*/+-]/.test(value!))
      found.push({ name, value: value!, reason: before, file });
  }
  return found;
}

/** The limits of an object, whose reasons stand in its interface: those of the control API, the engine and HTTP/1.1. */
export function objectLimits(file: string, values: Readonly<Record<string, number | null>>): Limit[] {
  const lines = readFileSync(join(ROOT, file), "utf8").split("\n");
  return Object.entries(values).map(([name, value]) => {
    const at = lines.findIndex((line) => new RegExp(`^  readonly ${name}\\??:`).test(line));
    return { name, value: String(value), reason: reasonAbove(lines, at), file };
  });
}

/** Of the nearest line above that has a comment, as long as there are only fields between. */
function reasonAbove(lines: readonly string[], at: number): string {
  for (let line = at; line > 0 && /^ {2}readonly /.test(lines[line] ?? ""); line--) {
    const comment = commentAbove(lines, line);
    if (comment !== undefined) return comment;
  }
  return "";
}

/** The comment that ends right above a line, in one line; undefined when there is none. */
function commentAbove(lines: readonly string[], at: number): string | undefined {
  const end = at - 1;
  if (/^\s*\/\//.test(lines[end] ?? "")) return lines[end]!.replace(/^\s*\/\/\s*/, "");
  if (!/\*\/\s*$/.test(lines[end] ?? "")) return undefined;
  let start = end;
  while (!lines[start]!.includes("/*")) start -= 1;
  return lines
    .slice(start, end + 1)
    .map((line) => line.replace(/^\s*\/?\*+\/?\s?/, "").replace(/\s*\*\/\s*$/, ""))
    .join(" ")
    .replace(/\{@link (\w+)\}/g, "$1")
    .trim();
}
