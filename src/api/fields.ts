import Type, { type TOptional, type TProperties, type TSchema, type TString } from "typebox";

/** Any text. */
export const text = (description: string) => Type.String({ description });

/** A whole number. */
export const whole = (description: string, minimum?: number, maximum?: number) =>
  Type.Integer({
    description,
    ...(minimum === undefined ? {} : { minimum }),
    ...(maximum === undefined ? {} : { maximum }),
  });

export const flag = (description: string) => Type.Boolean({ description });

/** Text to text. In a query the SDKs send it as JSON text (eas-reference §8.0). */
export const textMap = (description: string) => Type.Record(Type.String(), Type.String(), { description });

/** Several texts. In a query parted by commas, or as JSON text: SDKs send either (eas-reference §8.0). */
export const textList = (description: string) => Type.Array(Type.String(), { description });

/** One of a few words. */
export const oneOf = <const W extends string[]>(words: readonly [...W], description: string) =>
  Type.Enum(words, { description });

/** Query parameters of an operation; anything else is refused. */
export const query = <P extends TProperties>(properties: P) =>
  Type.Object(properties, { additionalProperties: false });

/** Mark of a parameter that is accepted because SDKs send it, and does nothing here. */
export const NOT_EFFECTIVE = "x-not-effective";

/**
 * Parameters that EAS knows and that do nothing on this installation. They are accepted, and the answer names
 * the ones that were sent in `NotEffective`.
 */
export const notEffective = <const N extends string[]>(...names: N) =>
  Object.fromEntries(
    names.map((name) => [
      name,
      Type.Optional(Type.String({ description: "not effective", [NOT_EFFECTIVE]: true })),
    ]),
  ) as { [K in N[number]]: TOptional<TString> };

/** Names of the marked parameters of a schema. */
export function notEffectiveNames(schema: TSchema): string[] {
  const properties = (schema as { properties?: Record<string, object> }).properties ?? {};
  return Object.keys(properties).filter((name) => NOT_EFFECTIVE in properties[name]!);
}

/** Sort and page of a list (eas-reference §8.0). */
export const paging = {
  Order: Type.Optional(oneOf(["asc", "desc"], "direction of Sort; asc unless told")),
  PageNumber: Type.Optional(whole("page, from 1", 1, 1_000_000)),
  PageSize: Type.Optional(whole("entries of one page; 100 unless told", 1, 1000)),
};

/** What a paged answer says of its page. */
export const paged = {
  PageNumber: whole("page, from 1"),
  PageSize: whole("entries of one page"),
  TotalCount: whole("entries of all pages"),
};

/** The body of an answer. Every one carries RequestId. */
export const answer = <P extends TProperties>(properties: P) =>
  Type.Object({
    RequestId: text("UUID in upper case; also in the header X-Request-Id"),
    NotEffective: Type.Optional(
      Type.Array(Type.String(), {
        description:
          "what the request asked for that does nothing here yet: JSON paths, or query parameters as ?Name",
      }),
    ),
    ...properties,
  });
