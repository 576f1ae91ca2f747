import type { Field } from "./field.ts";
import { withoutUrlSecrets } from "./found.ts";
import { jsonPath, type Steps } from "./json-path.ts";
import { isObject, isSame } from "./json-value.ts";
import { SERVICE_FIELD } from "./schema.ts";
import type { Json, JsonObject } from "./service-spec.ts";

/** One field that differs between two documents, as JSON texts; null: it is not there. */
export interface FieldDifference {
  /** Canonical JSON path. */
  readonly path: string;
  readonly from: string | null;
  readonly to: string | null;
}

/** Longest value shown; a longer one is cut. */
const SHOWN_CHARS_MAX = 200;
/** Shown in place of a secret. */
const HIDDEN = "***";

/** Where two canonical documents differ, field by field; lists are compared whole, and no secret is shown. */
export function differencesOf(before: JsonObject, after: JsonObject): FieldDifference[] {
  const found: FieldDifference[] = [];
  visit(SERVICE_FIELD, before, after, [], found);
  return found;
}

/** A canonical document as somebody may read it who must not learn its secrets: of the same structure, with *** for each. */
export function maskedDocument(document: JsonObject): JsonObject {
  return masked(SERVICE_FIELD, document, false) as JsonObject;
}

/** Names in a secret block stay, its texts and numbers go; elsewhere names, passwords and queries of URLs. */
function masked(field: Field, value: Json, isInSecret: boolean): Json {
  const isSecret = isInSecret || field["x-secret"] === true;
  if (typeof value === "string") return isSecret ? HIDDEN : withoutUrlSecrets(value);
  if (typeof value === "number") return isSecret ? 0 : value;
  if (Array.isArray(value))
    return (value as readonly Json[]).map((item) => masked(field.items ?? {}, item, isSecret));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value as JsonObject).map(([name, entry]) => {
      const isName = isSecret && name === "name";
      return [name, isName ? entry : masked(childOf(field, name), entry, isSecret)];
    }),
  );
}

function visit(
  field: Field,
  before: Json | undefined,
  after: Json | undefined,
  steps: Steps,
  found: FieldDifference[],
): void {
  if (before !== undefined && after !== undefined && isSame(before, after)) return;
  const left = isObject(before) ? (before as JsonObject) : null;
  const right = isObject(after) ? (after as JsonObject) : null;
  const isBlock =
    (left ?? right) !== null &&
    (left !== null || before === undefined) &&
    (right !== null || after === undefined);
  if (isBlock && field["x-secret"] !== true) {
    for (const name of new Set([...Object.keys(left ?? {}), ...Object.keys(right ?? {})])) {
      visit(childOf(field, name), left?.[name], right?.[name], [...steps, name], found);
    }
    return;
  }
  if (before === undefined && after === undefined) return;
  found.push({ path: jsonPath(steps), from: shown(field, before), to: shown(field, after) });
}

const childOf = (field: Field, name: string): Field =>
  field.properties?.[name] ??
  (typeof field.additionalProperties === "object" ? field.additionalProperties : {});

function shown(field: Field, value: Json | undefined): string | null {
  if (value === undefined) return null;
  const text = JSON.stringify(withoutSecrets(field, value));
  return text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}…` : text;
}

function withoutSecrets(field: Field, value: Json): Json {
  if (field["x-secret"] === true) return HIDDEN;
  if (Array.isArray(value))
    return (value as readonly Json[]).map((item) => withoutSecrets(field.items ?? {}, item));
  if (typeof value === "string") return withoutUrlSecrets(value);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value as JsonObject).map(([name, entry]) => [
      name,
      withoutSecrets(childOf(field, name), entry),
    ]),
  );
}
