import { relative } from "node:path";

/** Longest text of an exception that goes to a client. */
const MESSAGE_CHARS_MAX = 2000;

/** `Name: message` in one line: what a client may see. With the user's folder also the place in it, as `(app.ts:3)`. */
export function failureText(error: unknown, folder: string | null): string {
  if (!(error instanceof Error)) return `thrown: ${oneLine(String(error))}`;
  const message = oneLine(error.message);
  const text = message === "" ? error.name : `${error.name}: ${message}`;
  const place = folder === null ? null : placeIn(error, folder);
  return place === null ? text : `${text} (${place})`;
}

export function isOutOfMemory(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as { code?: unknown };
  return (
    code === "ERR_MEMORY_ALLOCATION_FAILED" ||
    /^(Array buffer allocation failed|Invalid string length)$/.test(error.message)
  );
}

const oneLine = (text: string) => text.replaceAll(/\s+/g, " ").trim().slice(0, MESSAGE_CHARS_MAX);

/** The first place of a stack trace that is in the folder. */
function placeIn(error: Error, folder: string): string | null {
  for (const [, path, line] of (error.stack ?? "").matchAll(/(?:file:\/\/)?(\/[^\s():]+):(\d+)/g)) {
    if (path!.startsWith(`${folder}/`)) return `${relative(folder, decodeURI(path!))}:${line}`;
  }
  return null;
}
