import { jsonPath } from "../spec/json-path.ts";
import { type IgnorePath, parseIgnorePath, pathsBelow } from "./ignore-path.ts";
import type { CompareRule } from "./mirror.ts";

/** An answer as it is compared: its status and its content, without framing. */
export interface ComparedAnswer {
  readonly status: number;
  readonly body: Uint8Array;
}

/** Deepest nesting that is walked through; what is below counts as different, with a text that says so. */
const DEPTH_MAX = 100;
/** Characters of a value shown in a text. */
const SHOWN_CHARS_MAX = 60;

/** Compares by one rule, whose paths are read once. */
export class AnswerComparison {
  readonly #rule: CompareRule;
  readonly #ignored: readonly IgnorePath[];

  /** Paths that are none are left out: they were refused at the door. */
  constructor(rule: CompareRule) {
    this.#rule = rule;
    this.#ignored = rule.ignorePaths.map(parseIgnorePath).filter((path) => path !== null);
  }

  /** The first difference between the client's answer and the target's, in words; null when they are equal. */
  difference(primary: ComparedAnswer, copy: ComparedAnswer): string | null {
    if (primary.status !== copy.status) return `status: ${primary.status} and ${copy.status}`;
    if (this.#rule.mode === "status") return null;
    const bytes = bytesDifference(primary.body, copy.body);
    // Equal bytes are equal values; and nearly all answers of two good services are equal.
    if (bytes === null || this.#rule.mode === "exact") return bytes;
    const a = parsed(primary.body);
    const b = parsed(copy.body);
    if (a === undefined && b === undefined) return bytes;
    if (a === undefined || b === undefined)
      return `only ${a === undefined ? "the copy's" : "the primary's"} answer is JSON`;
    return this.#values(a.value, b.value, this.#ignored, []);
  }

  #values(a: unknown, b: unknown, ignored: readonly IgnorePath[], at: (string | number)[]): string | null {
    if (at.length > DEPTH_MAX) return `${jsonPath(at.slice(0, 5))}…: nested deeper than ${DEPTH_MAX}`;
    if (typeof a === "number" && typeof b === "number") {
      const scale = Math.max(1, Math.abs(a), Math.abs(b));
      return Math.abs(a - b) <= this.#rule.tolerance * scale ? null : unequal(at, a, b);
    }
    if (Array.isArray(a) && Array.isArray(b)) return this.#lists(a, b, ignored, at);
    if (isObject(a) && isObject(b)) return this.#objects(a, b, ignored, at);
    return a === b ? null : unequal(at, a, b);
  }

  #lists(a: unknown[], b: unknown[], ignored: readonly IgnorePath[], at: (string | number)[]): string | null {
    if (a.length !== b.length) return `${jsonPath(at)}: ${a.length} and ${b.length} entries`;
    for (let i = 0; i < a.length; i++) {
      const below = pathsBelow(ignored, i);
      if (below === null) continue;
      const found = this.#values(a[i], b[i], below, [...at, i]);
      if (found !== null) return found;
    }
    return null;
  }

  #objects(
    a: Readonly<Record<string, unknown>>,
    b: Readonly<Record<string, unknown>>,
    ignored: readonly IgnorePath[],
    at: (string | number)[],
  ): string | null {
    for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
      const below = pathsBelow(ignored, name);
      if (below === null) continue;
      if (!Object.hasOwn(a, name)) return `${jsonPath([...at, name])}: only the copy's answer has it`;
      if (!Object.hasOwn(b, name)) return `${jsonPath([...at, name])}: only the primary's answer has it`;
      const found = this.#values(a[name], b[name], below, [...at, name]);
      if (found !== null) return found;
    }
    return null;
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const unequal = (at: readonly (string | number)[], a: unknown, b: unknown) =>
  `${jsonPath(at)}: ${shown(a)} and ${shown(b)}`;

function shown(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (isObject(value)) return "an object";
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}…` : text;
}

function bytesDifference(a: Uint8Array, b: Uint8Array): string | null {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return `bodies differ from byte ${i} on`;
  return a.length === b.length ? null : `bodies have ${a.length} and ${b.length} bytes`;
}

/** undefined: it is no JSON in UTF-8. */
function parsed(body: Uint8Array): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body)) as unknown };
  } catch {
    return undefined;
  }
}
