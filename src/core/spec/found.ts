import type { Field } from "./field.ts";

/** Longest text shown of what was found. */
const CHARS_SHOWN = 60;

/** What kind of thing it is, without its value. */
export function describeKind(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  switch (typeof value) {
    case "string":
      return `a string of ${value.length} characters`;
    case "number":
      return Number.isFinite(value) ? "a number" : "a number too large for JSON readers";
    case "boolean":
      return "a boolean";
    case "object":
      return "an object";
    default:
      return "something that is not JSON";
  }
}

/** User, password and query of a URL may be secrets. No regular expression: they are slow on hostile texts. */
export function withoutUrlSecrets(value: string): string {
  const colon = value.indexOf("://");
  if (colon === -1) return value;
  const start = colon + 3;
  const query = value.indexOf("?", start);
  const head = query === -1 ? value : value.slice(0, query);
  // A password may hold a slash, so the last @ counts.
  const at = head.lastIndexOf("@");
  const shown = at < start ? head : `${head.slice(0, start)}***${head.slice(at)}`;
  return query === -1 ? shown : `${shown}?***`;
}

/**
 * What stands in a document, short and safe to show. A string is quoted only where a plain value belongs, so that
 * a secret in the wrong place is not repeated.
 */
export function describeFound(value: unknown, field: Field): string {
  const isPlain = field.type !== "object" && field.type !== "array";
  if (field["x-secret"] === true || !isPlain) return describeKind(value);
  if (typeof value === "number" && Number.isFinite(value)) return String(value);
  if (typeof value === "boolean") return String(value);
  if (typeof value !== "string") return describeKind(value);
  const shown = withoutUrlSecrets(value);
  return JSON.stringify(shown.length > CHARS_SHOWN ? `${shown.slice(0, CHARS_SHOWN)}…` : shown);
}
