import type { Problem } from "../errors.ts";
import { allowedText } from "./allowed.ts";
import type { Field } from "./field.ts";
import { describeFound } from "./found.ts";
import { jsonPath, type Origins, type Steps } from "./json-path.ts";
import { isObject, type JsonDraft } from "./json-value.ts";
import { type Normalized, PROBLEMS_MAX } from "./normalize.ts";
import { SERVICE_FIELD } from "./schema.ts";
import type { Json, JsonObject } from "./service-spec.ts";
import { isActedOn } from "./standing.ts";

/** A document whose every value has the type and range of its field; what had not is left out. */
export interface Checked {
  readonly document: JsonObject;
  readonly problems: readonly Problem[];
  /** Canonical paths of what was left out because of a problem. */
  readonly refused: ReadonlySet<string>;
}

/**
 * `whole`: a service.json; required fields must be there, and null or an empty text means "not given"
 * (samples of eas-reference §1 write `"processor_path": ""`).
 * `part`: an update; nothing is required, null and empty texts are kept for merge.ts.
 * `stored`: like `whole`, but what this build does not act on is not looked at.
 */
export type CheckMode = "whole" | "part" | "stored";

interface Job {
  readonly origins: Origins;
  readonly problems: Problem[];
  readonly refused: Set<string>;
}

/** Checks types and ranges by the schema, and reads `"true"` and `"false"` as booleans. */
export function checkDocument(
  { document, origins }: Pick<Normalized, "document" | "origins">,
  mode: CheckMode,
): Checked {
  const job: Job = { origins, problems: [], refused: new Set() };
  const checked = checkBlock(job, SERVICE_FIELD, document, [], mode);
  return { document: checked, problems: job.problems, refused: job.refused };
}

/** Takes the place of a value that is left out. */
const ABSENT = Symbol("absent");
type Outcome = Json | typeof ABSENT;

function refuse(job: Job, field: Field, value: unknown, steps: Steps): typeof ABSENT {
  job.refused.add(jsonPath(steps));
  if (job.problems.length < PROBLEMS_MAX) {
    job.problems.push({
      path: job.origins.spelled(steps),
      found: describeFound(value, field),
      allowed: allowedText(field) + (isQuotedNumber(field, value) ? ", without quotes" : ""),
    });
  }
  return ABSENT;
}

const isQuotedNumber = (field: Field, value: unknown) =>
  (field.type === "integer" || field.type === "number") &&
  typeof value === "string" &&
  /^-?[0-9]+(\.[0-9]+)?$/.test(value);

function checkBlock(job: Job, field: Field, value: JsonObject, steps: Steps, mode: CheckMode): JsonObject {
  const result: JsonDraft = {};
  for (const [name, child] of Object.entries(field.properties ?? {})) {
    const given = Object.hasOwn(value, name) ? value[name]! : undefined;
    const isRequired = mode !== "part" && field.required?.includes(name) === true;
    const childSteps = [...steps, name];
    if (given !== undefined && (mode === "part" || !isNotGiven(child, given, isRequired))) {
      const outcome =
        given === null && mode === "part" ? null : checkValue(job, child, given, childSteps, mode);
      if (outcome !== ABSENT) result[name] = outcome;
    } else if (isRequired && child.properties !== undefined) {
      // Says which fields are missing in it, rather than that it is missing.
      checkBlock(job, child, {}, childSteps, mode);
    } else if (isRequired) {
      refuse(job, child, given, childSteps);
    }
  }
  if (field.additionalProperties !== undefined) return result;
  for (const [name, other] of Object.entries(value)) {
    const isKnown = Object.hasOwn(field.properties ?? {}, name);
    if (!isKnown && (other !== null || mode === "part")) result[name] = other;
  }
  return result;
}

/** Null, or an empty text in a field that takes a text but could do without. */
function isNotGiven(field: Field, value: Json, isRequired: boolean): boolean {
  if (value === null) return true;
  if (value !== "" || isRequired) return false;
  if (field.minLength !== undefined && field.minLength > 0) return false;
  // Without a type: a list of allowed texts, a choice that has a text in it, or any JSON.
  return field.type === "string" || field.type === undefined;
}

function checkValue(job: Job, field: Field, value: Json, steps: Steps, mode: CheckMode): Outcome {
  if (mode === "stored" && !isActedOn(field)) return value;
  if (field.anyOf !== undefined) {
    return field.anyOf.some((option) => isFine(option, value, mode))
      ? value
      : refuse(job, field, value, steps);
  }
  if (field.properties !== undefined) {
    if (!isObject(value)) return refuse(job, field, value, steps);
    return checkBlock(job, field, value as JsonObject, steps, mode);
  }
  if (typeof field.additionalProperties === "object") {
    return isObject(value)
      ? checkMap(job, field, field.additionalProperties, value as JsonObject, steps, mode)
      : refuse(job, field, value, steps);
  }
  if (field.items !== undefined) {
    if (!Array.isArray(value)) return refuse(job, field, value, steps);
    const items = (value as readonly Json[]).map((item, index) =>
      // A list is replaced as a whole, so its items are whole in an update too.
      checkValue(job, field.items!, item, [...steps, index], mode === "part" ? "whole" : mode),
    );
    return items.filter((item) => item !== ABSENT);
  }
  if (field.type === "boolean" && (value === "true" || value === "false")) return value === "true";
  return isPlainFine(field, value, mode) ? value : refuse(job, field, value, steps);
}

function checkMap(
  job: Job,
  field: Field,
  valueField: Field,
  value: JsonObject,
  steps: Steps,
  mode: CheckMode,
): Outcome {
  const given = Object.entries(value).filter(([, entry]) => mode === "part" || entry !== null);
  if (field.maxProperties !== undefined && given.length > field.maxProperties) {
    job.problems.push({
      path: job.origins.spelled(steps),
      found: `${given.length} entries`,
      allowed: `at most ${field.maxProperties} entries`,
    });
    job.refused.add(jsonPath(steps));
    return ABSENT;
  }
  const result: JsonDraft = {};
  for (const [name, entry] of Object.entries(value)) {
    const entrySteps = [...steps, name];
    if (field.propertyNames !== undefined && !isFine(field.propertyNames, name, mode)) {
      job.problems.push({
        path: job.origins.spelled(entrySteps),
        found: `a name of ${name.length} characters`,
        allowed: `as name: ${allowedText(field.propertyNames)}`,
      });
      job.refused.add(jsonPath(entrySteps));
      continue;
    }
    if (entry === null && mode !== "part") continue;
    const outcome = entry === null ? null : checkValue(job, valueField, entry, entrySteps, mode);
    if (outcome !== ABSENT) result[name] = outcome;
  }
  return result;
}

/** Plain values, and lists of them, inside `anyOf` and for names of maps. */
function isFine(field: Field, value: Json, mode: CheckMode): boolean {
  if (field.items === undefined) return isPlainFine(field, value, mode);
  return Array.isArray(value) && value.every((item) => isPlainFine(field.items!, item, mode));
}

function isPlainFine(field: Field, value: Json, mode: CheckMode): boolean {
  if (field.enum !== undefined) return isIn(field.enum, value) || (mode === "part" && value === "");
  if (field.not !== undefined && isIn(field.not.enum, value)) return false;
  switch (field.type) {
    case "boolean":
      return typeof value === "boolean";
    case "string":
      return typeof value === "string" && ((mode === "part" && value === "") || isTextFine(field, value));
    case "integer":
      return Number.isInteger(value) && isInRange(field, value as number);
    case "number":
      return typeof value === "number" && isInRange(field, value);
    default:
      return true;
  }
}

const isIn = (values: readonly (string | number)[], value: Json) =>
  (typeof value === "string" || typeof value === "number") && values.includes(value);

const isInRange = (field: Field, value: number) =>
  (field.minimum === undefined || value >= field.minimum) &&
  (field.maximum === undefined || value <= field.maximum) &&
  (field.exclusiveMinimum === undefined || value > field.exclusiveMinimum);

/** JSON Schema counts characters, not UTF-16 units. */
const isTextFine = (field: Field, value: string) =>
  (field.minLength === undefined || value.length >= field.minLength) &&
  (field.maxLength === undefined ||
    value.length <= field.maxLength ||
    (value.length <= 2 * field.maxLength && [...value].length <= field.maxLength)) &&
  (field.pattern === undefined || new RegExp(field.pattern, "u").test(value));
