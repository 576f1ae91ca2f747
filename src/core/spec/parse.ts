import { ServingError } from "../errors.ts";
import { buildSpec } from "./build.ts";
import { checkDocument } from "./check.ts";
import { listNotEffective } from "./effective.ts";
import { normalize, PROBLEMS_MAX } from "./normalize.ts";
import type { ParsedSpec } from "./service-spec.ts";

/**
 * Reads a service.json that `parseJson` made into values (eas-reference §1): opens dotted keys, moves aliases, checks
 * names, types and ranges, fills in defaults. The same document in nested and in dotted spelling gives the same result.
 * Parsing the resulting `document` again gives the same again.
 *
 * @throws ServingError INVALID_SPEC with all problems, at most {@link PROBLEMS_MAX}.
 */
export function parseSpec(document: unknown): ParsedSpec {
  const opened = normalize(document);
  if (!opened.isComplete) throw new ServingError("INVALID_SPEC", { problems: opened.problems });
  const checked = checkDocument(opened, "whole");
  const built = buildSpec(checked, opened.origins);
  const problems = [...opened.problems, ...checked.problems, ...built.problems];
  if (built.spec === null || problems.length > 0) {
    throw new ServingError("INVALID_SPEC", { problems: problems.slice(0, PROBLEMS_MAX) });
  }
  return {
    spec: built.spec,
    document: checked.document,
    notEffective: listNotEffective(checked.document, opened.origins, built.spec.processor),
  };
}
