import { readFileSync } from "node:fs";
import type { ServingError } from "../core/errors.ts";
import { parseJson } from "../core/spec/parse-json.ts";
import { nearest } from "../core/spec/suggest.ts";

/** What a file of settings says. */
export interface SettingsFile {
  /** Values as text, by the setting's name. */
  readonly values: ReadonlyMap<string, string>;
  /** What is wrong with the file itself, a sentence each. */
  readonly problems: readonly string[];
}

/** No file, no value. */
export const NO_SETTINGS: SettingsFile = { values: new Map(), problems: [] };

/** Far above any file of settings; whoever points a link at something else gets an error instead of a full memory. */
export const SETTINGS_FILE_BYTES_MAX = 64 * 1024;

/**
 * Reads a JSON object of settings: names as in `known`, values as texts, numbers, true and false. One that is not there says nothing. Names
 * that are unknown are told, with the nearest known one.
 */
export function readSettingsFile(path: string, known: readonly string[]): SettingsFile {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    // ENOTDIR: the home is no folder, which is told as what it is by whoever needs the home.
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return NO_SETTINGS;
    return { values: new Map(), problems: [`${path} cannot be read: ${(error as Error).message}`] };
  }
  if (text.length > SETTINGS_FILE_BYTES_MAX)
    return { values: new Map(), problems: [`${path} is larger than ${SETTINGS_FILE_BYTES_MAX} bytes`] };
  let document: unknown;
  try {
    document = parseJson(text);
  } catch (error) {
    return {
      values: new Map(),
      problems: [`${path} is not JSON: ${(error as ServingError<"INVALID_JSON">).facts.detail}`],
    };
  }
  if (typeof document !== "object" || document === null || Array.isArray(document))
    return { values: new Map(), problems: [`${path}: found no object, allowed: {"setting": value, …}`] };
  const values = new Map<string, string>();
  const problems: string[] = [];
  for (const [name, value] of Object.entries(document)) {
    if (!known.includes(name)) problems.push(`${path}: found the unknown name ${name}${hintOf(name, known)}`);
    else if (typeof value === "boolean") values.set(name, value ? "on" : "off");
    else if (typeof value === "string" || typeof value === "number") values.set(name, String(value));
    else problems.push(`${path}: ${name}: found ${kindOf(value)}, allowed: a text, a number, true or false`);
  }
  return { values, problems };
}

function hintOf(name: string, known: readonly string[]): string {
  const near = nearest(name, known)?.name;
  return near === undefined ? `, allowed: ${known.join(", ")}` : `; is ${near} meant?`;
}

const kindOf = (value: unknown) => (value === null ? "null" : Array.isArray(value) ? "a list" : "an object");
