import { isName } from "../core/names.ts";
import { isFieldValue } from "../http1/response-writer.ts";

/** What is wrong with a table. */
export class TableProblem extends Error {}

export type Fields = Readonly<Record<string, unknown>>;

/** @throws TableProblem unless `condition` holds */
export function must(condition: boolean, where: string, what: string): asserts condition {
  if (!condition) throw new TableProblem(`${where}: ${what}`);
}

export function fieldsOf(value: unknown, where: string): Fields {
  must(typeof value === "object" && value !== null && !Array.isArray(value), where, "must be an object");
  return value as Fields;
}

export function listOf(value: unknown, where: string): readonly unknown[] {
  must(Array.isArray(value), where, "must be a list");
  return value as unknown[];
}

/** A name that nobody else has. */
export function checkName(value: unknown, where: string, names: Set<string>): void {
  must(typeof value === "string" && isName(value), where, "is not a name");
  must(!names.has(value), where, `${value} is used twice`);
  names.add(value);
}

export function checkTokens(value: unknown, where: string): void {
  const tokens = listOf(value, where);
  must(tokens.length > 0, where, "is empty");
  const isGood = (t: unknown) => typeof t === "string" && t !== "" && isFieldValue(t);
  // The text of a token never stands in a reason: reasons are logged.
  must(tokens.every(isGood), where, "has a token that cannot stand in a header");
}
