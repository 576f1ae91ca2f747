import { type Problem, ServingError } from "../errors.ts";
import { checkDocument } from "./check.ts";
import type { Field } from "./field.ts";
import { isObject, type JsonDraft } from "./json-value.ts";
import { normalize, PROBLEMS_MAX } from "./normalize.ts";
import { SERVICE_FIELD } from "./schema.ts";
import type { Json, JsonObject } from "./service-spec.ts";

/**
 * The document after an update of type merge (eas-reference §1.0), as JSON Merge Patch (RFC 7386) has it: objects are
 * merged, everything else is replaced, lists as a whole; null removes. Other than there, null inside of a value of the
 * user's own, such as `model_config`, is a value, so that merging a document into itself changes nothing. `given` may be spelled in any way; names, types
 * and ranges of what it holds are checked here, where its spelling is still known. The result is canonical, and goes
 * through `parseSpec`, which checks what the fields ask for together.
 *
 * @param stored a canonical document (ParsedSpec.document); it is not changed.
 * @throws ServingError INVALID_SPEC with all problems of `given`.
 */
export function mergeDocuments(stored: JsonObject, given: unknown): JsonObject {
  const { document, problems } = mergedPart(stored, given);
  if (problems.length > 0)
    throw new ServingError("INVALID_SPEC", { problems: problems.slice(0, PROBLEMS_MAX) });
  return document;
}

/** The same, with the problems of `given` beside what comes of the rest of it. */
export function mergedPart(
  stored: JsonObject,
  given: unknown,
): { readonly document: JsonObject; readonly problems: readonly Problem[] } {
  const opened = normalize(given);
  const checked = checkDocument(opened, "part");
  return {
    document: mergeObjects(SERVICE_FIELD, stored, checked.document),
    problems: [...opened.problems, ...checked.problems],
  };
}

function mergeObjects(field: Field, stored: JsonObject, given: JsonObject): JsonObject {
  const result: JsonDraft = { ...stored };
  for (const [name, value] of Object.entries(given)) {
    const child = childOf(field, name);
    if (value === null && field !== FREE) delete result[name];
    else if (isObject(value)) result[name] = mergeObjects(child, objectOr(result[name]), value as JsonObject);
    else result[name] = value;
  }
  return result;
}

/** Inside of a value whose names are not known, such as `model_config`. */
const FREE: Field = {};

function childOf(field: Field, name: string): Field {
  const child = field.properties?.[name];
  const hasNames = child?.properties !== undefined || typeof child?.additionalProperties === "object";
  return hasNames ? child! : FREE;
}

/** RFC 7386: what is not an object is replaced by an empty one before an object is merged into it. */
const objectOr = (value: Json | undefined): JsonObject => (isObject(value) ? (value as JsonObject) : {});
