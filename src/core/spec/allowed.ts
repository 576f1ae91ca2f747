import type { Field } from "./field.ts";

const quoted = (values: readonly (string | number)[]) =>
  values.map((value) => JSON.stringify(value)).join(", ");

function rangeText(field: Field): string {
  const { minimum, maximum, exclusiveMinimum } = field;
  const low = exclusiveMinimum === undefined ? minimum : exclusiveMinimum;
  const word = exclusiveMinimum === undefined ? "from" : "above";
  if (low === undefined && maximum === undefined) return "";
  if (maximum === undefined) return exclusiveMinimum === undefined ? ` from ${low} up` : ` above ${low}`;
  if (low === undefined) return ` up to ${maximum}`;
  return ` ${word} ${low} to ${maximum}`;
}

function textText(field: Field): string {
  if (field["x-allowed"] !== undefined) return field["x-allowed"];
  const { minLength = 0, maxLength } = field;
  if (maxLength !== undefined) return `a string of ${minLength} to ${maxLength} characters`;
  return minLength > 0 ? "a string that is not empty" : "a string";
}

/** What a field takes, for messages and the reference, such as `a whole number from 0 to 1000`. */
export function allowedText(field: Field): string {
  if (field.anyOf !== undefined) return field.anyOf.map(allowedText).join(" or ");
  if (field.enum !== undefined) {
    const given = field.enum.filter((value) => value !== "");
    return given.length === 1 ? quoted(given) : `one of ${quoted(given)}`;
  }
  const except = field.not === undefined ? "" : `, but not ${field.not.enum.join(" or ")}`;
  switch (field.type) {
    case "integer":
      return `a whole number${rangeText(field)}${except}`;
    case "number":
      return `a number${rangeText(field)}${except}`;
    case "boolean":
      return "true or false";
    case "string":
      return textText(field);
    case "array":
      return "a list";
    case "object":
      return "an object";
    default:
      return "any JSON";
  }
}
