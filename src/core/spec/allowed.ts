import type { Field } from "./field.ts";

const quoted = (values: readonly (string | number)[]) =>
  values.map((value) => JSON.stringify(value)).join(", ");

function rangeText({ minimum, maximum, exclusiveMinimum }: Field): string {
  if (exclusiveMinimum !== undefined) {
    return maximum === undefined
      ? ` above ${exclusiveMinimum}`
      : ` above ${exclusiveMinimum}, at most ${maximum}`;
  }
  if (minimum === undefined) return maximum === undefined ? "" : `, at most ${maximum}`;
  return maximum === undefined ? ` from ${minimum} up` : ` from ${minimum} to ${maximum}`;
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
