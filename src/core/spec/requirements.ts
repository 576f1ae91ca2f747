/** Python packages that a service needs (eas-reference §1.1 `requirements`, §1.4 `prepare`). */
export interface Requirements {
  /** Requirements as pip reads them, one each; not yet in their normal form. */
  readonly lines: readonly string[];
  /** A file with more of them: absolute, or inside `processor_path`; null: none. */
  readonly file: string | null;
  /** What to name when something is wrong with them, e.g. `containers[0].prepare.pythonRequirements`. */
  readonly field: string;
  /** What is as good, where a Python of this machine has it. Absent: nothing. */
  readonly accepts?: Accepted;
}

/** Packages of the system that are taken in place of pinned ones (decision 0038). */
export interface Accepted {
  /** What a Python of the machine must have: `torch>=1.13,<3` (version-range.ts). */
  readonly has: readonly string[];
  /** What is installed beside it, as pip reads it. */
  readonly adds: readonly string[];
}

export type ReadRequirements =
  /** In their normal form: sorted, each once. */
  | { readonly kind: "read"; readonly lines: readonly string[] }
  /** `line` counts from 1. */
  | { readonly kind: "refused"; readonly line: number; readonly found: string; readonly allowed: string };

/** A whole machine's worth of packages stays below both. */
const LINES_MAX = 2000;
const LINE_CHARS_MAX = 2000;

const NAME = /^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[([^\][]*)\])?\s*/;
const VERSIONS =
  /^\(?\s*((?:===|==|~=|!=|<=|>=|<|>)\s*[^\s,;()]+(?:\s*,\s*(?:===|==|~=|!=|<=|>=|<|>)\s*[^\s,;()]+)*)\s*\)?\s*/;
const HASHES = /(?:\s+--hash=[a-z0-9]+:[0-9a-f]+)+\s*$/;
const FORM =
  "a requirement such as numpy==1.26.4, with extras, markers or --hash, or name @ URL; options of pip, such as an index, belong in pip's own settings";

/**
 * Reads the text of a requirements file, or lines of one, into a normal form (PEP 508; names as PEP 503 compares them): two sets that
 * mean the same for pip are the same text, whatever their order, spaces, comments and capitals.
 */
export function readRequirements(text: string): ReadRequirements {
  const found = new Set<string>();
  const lines = text.split(/\r\n|\r|\n/);
  if (lines.length > LINES_MAX)
    return {
      kind: "refused",
      line: LINES_MAX + 1,
      found: `${lines.length} lines`,
      allowed: `at most ${LINES_MAX}`,
    };
  for (let at = 0; at < lines.length; at++) {
    const line = at + 1;
    let whole = lines[at]!;
    while (whole.endsWith("\\") && at + 1 < lines.length) whole = `${whole.slice(0, -1)} ${lines[++at]!}`;
    const bare = whole.replace(/(^|\s)#.*$/, "").trim();
    if (bare === "") continue;
    const normal = bare.length <= LINE_CHARS_MAX && !bare.includes("\0") ? normalForm(bare) : null;
    if (normal === null)
      return {
        kind: "refused",
        line,
        found: JSON.stringify(withoutPasswords(bare).slice(0, 80)),
        allowed: FORM,
      };
    found.add(normal);
  }
  return { kind: "read", lines: [...found].toSorted() };
}

/** The name of the package of a line in its normal form. */
export const packageOf = (line: string): string => /^[a-z0-9-]+/.exec(line)?.[0] ?? line;

/** Whether a line in its normal form leaves no choice. */
export const isPinned = (line: string): boolean =>
  /^[a-z0-9-]+(\[[^\]]*\])?( @ |===?[^*,;]+(;|$| --hash))/.test(line);

/** A text without names and passwords of its URLs. */
export const withoutPasswords = (text: string): string =>
  text.replace(/([a-z0-9+.-]+:\/\/)[^\s/@]*@/gi, "$1");

function normalForm(line: string): string | null {
  const name = NAME.exec(line);
  if (name === null) return null;
  const extras = (name[2] ?? "")
    .split(",")
    .map((e) => canonical(e.trim()))
    .filter((e) => e !== "")
    .toSorted();
  const head = canonical(name[1]!) + (extras.length > 0 ? `[${extras.join(",")}]` : "");
  let rest = line.slice(name[0].length);
  const sums = HASHES.exec(rest)?.[0] ?? "";
  rest = rest.slice(0, rest.length - sums.length).trim();
  const tail = sums === "" ? "" : ` ${sums.trim().split(/\s+/).toSorted().join(" ")}`;
  if (rest.startsWith("@")) {
    const [, url, marker = ""] = /^@\s*(\S+)(\s+;.*)?$/.exec(rest) ?? [];
    if (url === undefined || !/^[a-z0-9+.-]+:\/\/\S+$/i.test(url)) return null;
    return `${head} @ ${url}${marker === "" ? "" : ` ${markerOf(marker.trim())}`}${tail}`;
  }
  const versions = VERSIONS.exec(rest);
  if (versions !== null) rest = rest.slice(versions[0].length);
  if (rest !== "" && !/^;\s*\S/.test(rest)) return null;
  const order = (versions?.[1] ?? "")
    .split(",")
    .map((v) => v.replaceAll(/\s+/g, ""))
    .toSorted()
    .join(",");
  return `${head}${order}${rest === "" ? "" : markerOf(rest)}${tail}`;
}

const canonical = (name: string) => name.replaceAll(/[-_.]+/g, "-").toLowerCase();
const markerOf = (text: string) => `; ${text.slice(1).trim().replaceAll(/\s+/g, " ")}`;
