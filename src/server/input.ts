import type { TSchema } from "typebox";
import { Errors } from "typebox/schema";
import { type Problem, ServingError } from "../core/errors.ts";

type Shape = {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly patternProperties?: Readonly<Record<string, Shape>>;
  readonly items?: Shape;
};

/**
 * Checks one part of a request against the contract, and returns it typed.
 * @throws ServingError INVALID_ARGUMENT with every problem: `$.Version` in a body, `?PageSize` in a query.
 */
export function checked(schema: TSchema, value: unknown, at: "$" | "?"): unknown {
  const [isValid, errors] = Errors(schema, value);
  if (isValid) return value;
  const problems = errors.flatMap((error): Problem[] => {
    const path = error.instancePath.split("/").slice(1);
    const shape = shapeAt(schema as Shape, path);
    const where = (...names: string[]) => (at === "?" ? `?${names.join(".")}` : ["$", ...names].join("."));
    if (error.keyword === "boolean") return []; // Said again, with the name, by additionalProperties.
    if (error.keyword === "required") {
      return error.params.requiredProperties.map((name) => ({
        path: where(...path, name),
        found: "nothing",
        allowed: allowedOf(shape?.properties?.[name]),
      }));
    }
    if (error.keyword === "additionalProperties") {
      return error.params.additionalProperties.map((name) => ({
        path: where(...path, name),
        found: "an unknown name",
        allowed: Object.keys(shape?.properties ?? {}).join(", ") || "nothing",
      }));
    }
    return [{ path: where(...path), found: shown(valueAt(value, path)), allowed: allowedOf(shape) }];
  });
  throw new ServingError("INVALID_ARGUMENT", { problems });
}

/**
 * A query as typed values: numbers, booleans, lists and maps are text on the wire (eas-reference §8.0). What does not read as its type stays text,
 * for `checked` to name.
 */
export function typedQuery(
  schema: TSchema,
  query: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const properties = (schema as Shape).properties ?? {};
  return Object.fromEntries(
    Object.entries(query).map(([name, value]) => [
      name,
      typeof value === "string"
        ? typed(Object.hasOwn(properties, name) ? properties[name]?.type : undefined, value)
        : value,
    ]),
  );
}

function typed(type: string | undefined, text: string): unknown {
  if (type === "integer" && /^-?\d{1,15}$/.test(text)) return Number(text);
  if (type === "boolean" && /^(true|false)$/i.test(text)) return text.toLowerCase() === "true";
  if (type === "array" && !text.startsWith("["))
    return text
      .split(",")
      .map((item) => item.trim())
      .filter((item) => item !== "");
  if (type !== "object" && type !== "array") return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function shapeAt(schema: Shape, path: readonly string[]): Shape | undefined {
  return path.reduce<Shape | undefined>(
    (shape, key) =>
      shape?.properties?.[key] ?? Object.values(shape?.patternProperties ?? {})[0] ?? shape?.items,
    schema,
  );
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], value);
}

function allowedOf(shape: Shape | undefined): string {
  if (shape?.enum) return shape.enum.join(", ");
  if (shape?.type === "integer") {
    const { minimum, maximum } = shape;
    if (minimum !== undefined && maximum !== undefined) return `a whole number from ${minimum} to ${maximum}`;
    return minimum === undefined ? "a whole number" : `a whole number from ${minimum}`;
  }
  if (shape?.type === "boolean") return "true or false";
  if (shape?.type === "object") return shape.patternProperties ? "a JSON object of texts" : "a JSON object";
  if (shape?.type === "array") return "a list of texts";
  return "a text";
}

/** Short and safe to show. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
