import { type Problem, ServingError } from "../errors.ts";
import { mergedPart } from "./merge.ts";
import { PROBLEMS_MAX } from "./normalize.ts";
import type { JsonObject } from "./service-spec.ts";

/** `UpdateType` (eas-reference §1.0): a part that is merged into the stored document, or a whole one. */
export type UpdateMode = "merge" | "replace";

/**
 * The document after an update, read by `parse`. What is wrong in the given part and what is wrong with the document
 * that would come of the rest are told together.
 *
 * @param stored a canonical document (ParsedSpec.document)
 * @throws ServingError INVALID_SPEC with all problems
 */
export function updatedSpec<T>(
  stored: JsonObject,
  given: unknown,
  mode: UpdateMode,
  parse: (document: unknown) => T,
): T {
  if (mode === "replace") return parse(given);
  const { document, problems } = mergedPart(stored, given);
  if (problems.length === 0) return parse(document);
  throw new ServingError("INVALID_SPEC", {
    problems: [...problems, ...problemsOf(() => parse(document))].slice(0, PROBLEMS_MAX),
  });
}

function problemsOf(act: () => void): readonly Problem[] {
  try {
    act();
  } catch (error) {
    if (error instanceof ServingError && error.code === "INVALID_SPEC")
      return (error as ServingError<"INVALID_SPEC">).facts.problems;
    throw error;
  }
  return [];
}
