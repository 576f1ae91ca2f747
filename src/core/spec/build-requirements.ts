import { describeFound } from "./found.ts";
import type { Steps } from "./json-path.ts";
import { type Requirements, readRequirements } from "./requirements.ts";

interface Given {
  /** Requirement lines. */
  readonly lines?: readonly string[] | undefined;
  readonly linesAt: Steps;
  /** Path of a file with more. */
  readonly file?: string | undefined;
  readonly fileAt: Steps;
  /** There is a `processor_path` that a relative file can be in. */
  readonly hasFolder: boolean;
}

const show = (value: unknown) => describeFound(value, { type: "string" });

/** Undefined: nothing is asked for. Null: refused. */
export function buildRequirements(
  { lines = [], linesAt, file, fileAt, hasFolder }: Given,
  refuse: (steps: Steps, found: string, allowed: string) => null,
): Requirements | undefined | null {
  let isFine = true;
  for (const [i, line] of lines.entries()) {
    const read = /[\r\n]/.test(line)
      ? ({ kind: "refused", found: show(line), allowed: "one requirement in each text of the list" } as const)
      : readRequirements(line);
    if (read.kind === "read") continue;
    isFine = false;
    refuse([...linesAt, i], read.found, read.allowed);
  }
  const isInside = file !== undefined && !file.startsWith("/");
  if (file === "" || file?.includes("\0") || file?.split("/").includes("..")) {
    return refuse(fileAt, show(file), "an absolute path, or a file inside processor_path without ..");
  }
  if (isInside && !hasFolder) {
    return refuse(
      fileAt,
      show(file),
      "an absolute path: there is no processor_path that it could be inside of",
    );
  }
  if (!isFine) return null;
  if (lines.length === 0 && file === undefined) return undefined;
  const steps = lines.length > 0 ? linesAt : fileAt;
  return { lines, file: file ?? null, field: fieldOf(steps) };
}

const fieldOf = (steps: Steps) =>
  steps.map((s, i) => (typeof s === "number" ? `[${s}]` : i === 0 ? s : `.${s}`)).join("");
