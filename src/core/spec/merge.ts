import { ServingError } from "../errors.ts";
import { checkDocument } from "./check.ts";
import { isObject, type JsonDraft } from "./json-value.ts";
import { normalize, PROBLEMS_MAX } from "./normalize.ts";
import type { Json, JsonObject } from "./service-spec.ts";

/**
 * The document after an update of type merge (eas-reference §1.0), as JSON Merge Patch (RFC 7386) has it: objects are
 * merged, everything else is replaced, lists as a whole; null removes. `given` may be spelled in any way; names, types
 * and ranges of what it holds are checked here, where its spelling is still known. The result is canonical, and goes
 * through `parseSpec`, which checks what the fields ask for together.
 *
 * @param stored a canonical document (ParsedSpec.document); it is not changed.
 * @throws ServingError INVALID_SPEC with all problems of `given`.
 */
export function mergeDocuments(stored: JsonObject, given: unknown): JsonObject {
  const opened = normalize(given);
  const checked = checkDocument(opened, "part");
  const problems = [...opened.problems, ...checked.problems];
  if (problems.length > 0)
    throw new ServingError("INVALID_SPEC", { problems: problems.slice(0, PROBLEMS_MAX) });
  return mergeObjects(stored, checked.document);
}

function mergeObjects(stored: JsonObject, given: JsonObject): JsonObject {
  const result: JsonDraft = { ...stored };
  for (const [name, value] of Object.entries(given)) {
    if (value === null) delete result[name];
    else if (isObject(value)) result[name] = mergeObjects(objectOr(result[name]), value as JsonObject);
    else result[name] = value;
  }
  return result;
}

/** RFC 7386: what is not an object is replaced by an empty one before an object is merged into it. */
const objectOr = (value: Json | undefined): JsonObject => (isObject(value) ? (value as JsonObject) : {});
