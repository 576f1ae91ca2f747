import { ServingError } from "../errors.ts";
import { buildSpec } from "./build.ts";
import { checkDocument } from "./check.ts";
import { type Default, defaultsOf } from "./defaults.ts";
import type { Origins } from "./json-path.ts";
import { normalize, PROBLEMS_MAX } from "./normalize.ts";
import { checkRules } from "./rules.ts";
import type { JsonObject, ParsedSpec } from "./service-spec.ts";
import { type Runtime, runtimeOf } from "./standing.ts";
import { type FieldStanding, notEffectiveOf, standingsOf } from "./standings.ts";

/**
 * Reads a service.json that `parseJson` made into values (eas-reference §1): opens dotted keys, moves aliases, checks
 * names, types and ranges, fills in defaults. The same document in nested and in dotted spelling gives the same result.
 * Parsing the resulting `document` again gives the same again.
 *
 * @throws ServingError INVALID_SPEC with all problems, at most {@link PROBLEMS_MAX}.
 */
export function parseSpec(document: unknown): ParsedSpec {
  return parsed(read(document, "given"));
}

/**
 * Reads a canonical document that was accepted before, perhaps by an older build: what nothing goes by is not judged again, so that a rule
 * that is new does not make a service unreadable. An update is judged whole.
 *
 * @throws ServingError INVALID_SPEC when what is acted on cannot be read
 */
export function parseStored(document: JsonObject): ParsedSpec {
  return parsed(read(document, "stored"));
}

function parsed({ spec, document, origins }: Read): ParsedSpec {
  return { spec, document, notEffective: notEffectiveOf(standingsOf(document, origins, spec.processor)) };
}

/** A document with all that can be said of it before anything is made of it. */
export interface Examined extends ParsedSpec {
  readonly runtime: Runtime;
  /** Every field given. */
  readonly standings: readonly FieldStanding[];
  /** Fields that were not given, and what stands in their place. */
  readonly defaults: readonly Default[];
}

/**
 * Like {@link parseSpec}, with what becomes of each field.
 *
 * @throws ServingError INVALID_SPEC with all problems, at most {@link PROBLEMS_MAX}.
 */
export function examineSpec(document: unknown): Examined {
  const { spec, document: canonical, origins } = read(document, "given");
  const standings = standingsOf(canonical, origins, spec.processor);
  return {
    spec,
    document: canonical,
    notEffective: notEffectiveOf(standings),
    runtime: runtimeOf(spec.processor),
    standings,
    defaults: defaultsOf(canonical, spec),
  };
}

interface Read extends Pick<ParsedSpec, "spec" | "document"> {
  readonly origins: Origins;
}

function read(document: unknown, from: "given" | "stored"): Read {
  const opened = normalize(document);
  if (!opened.isComplete) throw new ServingError("INVALID_SPEC", { problems: opened.problems });
  const { origins } = opened;
  const checked = checkDocument(opened, from === "given" ? "whole" : "stored");
  const built = buildSpec(checked, origins);
  const broken = from === "given" ? checkRules(checked, origins) : [];
  const problems = [...opened.problems, ...checked.problems, ...built.problems, ...broken];
  if (built.spec === null || problems.length > 0) {
    throw new ServingError("INVALID_SPEC", { problems: problems.slice(0, PROBLEMS_MAX) });
  }
  return { spec: built.spec, document: checked.document, origins };
}
