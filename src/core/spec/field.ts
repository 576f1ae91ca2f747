import Type, { type TProperties, type TSchema } from "typebox";

/**
 * The JSON Schema keywords that the schema of service.json is built from, as its readers (normalize, check,
 * suggest, the reference) see them. A schema made with the functions below uses no others.
 */
export interface Field {
  readonly type?: "object" | "array" | "string" | "integer" | "number" | "boolean";
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly (string | number)[];
  readonly not?: { readonly enum: readonly (string | number)[] };
  readonly anyOf?: readonly Field[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly properties?: Readonly<Record<string, Field>>;
  readonly required?: readonly string[];
  /** false: no other name is known. A schema: a free map with such values. Absent: anything more is let through. */
  readonly additionalProperties?: false | Field;
  readonly propertyNames?: Field;
  readonly maxProperties?: number;
  readonly items?: Field;
  readonly maxItems?: number;
  /** This build acts on the field, if perhaps not for each kind of service (standing.ts). Without it the field is checked, kept, and named as not effective. */
  readonly "x-effective"?: boolean;
  /** Why this build does not act on it, and on what is below it (idle-reasons.ts). */
  readonly "x-reason"?: string;
  /** Its value is never shown in a message. */
  readonly "x-secret"?: boolean;
  /** What `pattern` means, in words. */
  readonly "x-allowed"?: string;
  /** There is a better way to say it. */
  readonly deprecated?: true;
}

type Marks = Pick<Field, "default" | "deprecated" | "x-effective" | "x-reason" | "x-secret" | "x-allowed">;
type TextMarks = Marks & Pick<Field, "minLength" | "maxLength" | "pattern">;
type NumberMarks = Marks & Pick<Field, "minimum" | "maximum" | "exclusiveMinimum" | "not">;

/** Marks a field as acted on in this build. */
export const EFFECTIVE = { "x-effective": true } as const;
/** Marks a field, or a block with all in it, that this build does not act on. */
export const idle = (reason: string) => ({ "x-reason": reason }) as const;
/** Marks a field whose value is never shown. */
export const SECRET = { "x-secret": true } as const;

export const optional = Type.Optional;

export const text = (description: string, marks: TextMarks = {}) => Type.String({ description, ...marks });

export const flag = (description: string, marks: Marks = {}) => Type.Boolean({ description, ...marks });

/** Whole number, not below 0 unless told otherwise. */
export const integer = (description: string, marks: NumberMarks = {}) =>
  Type.Integer({ description, minimum: 0, ...marks });

/** Number, not below 0 unless told otherwise. */
export const number = (description: string, marks: NumberMarks = {}) =>
  Type.Number({
    description,
    ...(marks.exclusiveMinimum === undefined ? { minimum: 0 } : {}),
    ...marks,
  });

export const oneOf = <const Values extends string[]>(
  description: string,
  values: readonly [...Values],
  marks: Marks = {},
) => Type.Enum(values, { description, ...marks });

/** A count, or a percentage as a string. */
export const countOrPercent = (description: string, marks: Marks = {}) =>
  Type.Union(
    [
      Type.Integer({ minimum: 0 }),
      Type.String({ pattern: "^(100|[0-9]{1,2})%$", "x-allowed": 'a percentage such as "20%"' }),
    ],
    { description, ...marks },
  );

export const list = <Item extends TSchema>(description: string, items: Item, marks: Marks = {}) =>
  Type.Array(items, { description, ...marks });

/** Names given here, and no others. */
export const block = <Properties extends TProperties>(
  description: string,
  properties: Properties,
  marks: Pick<Field, "x-reason"> = {},
) => Type.Object(properties, { description, additionalProperties: false, ...marks });

/** Names given here are checked; others are let through, because the list of them is not known in full. */
export const openBlock = <Properties extends TProperties>(
  description: string,
  properties: Properties,
  marks: Pick<Field, "x-reason"> = {},
) => Type.Object(properties, { description, ...marks });

/** Free names: dots in them mean nothing. */
export const map = <Value>(
  description: string,
  value: Field,
  marks: Marks & Pick<Field, "propertyNames" | "maxProperties"> = {},
) =>
  Type.Unsafe<Record<string, Value>>({ type: "object", additionalProperties: value, description, ...marks });

/** A field of which only the name is known, or which takes any JSON. */
export const anything = (description: string, marks: Marks = {}) => Type.Unknown({ description, ...marks });
