import type { Field } from "./field.ts";
import { jsonPath, type Steps } from "./json-path.ts";
import { isObject } from "./json-value.ts";
import { SERVICE_FIELD } from "./schema.ts";
import type { Json, JsonObject, ServiceSpec } from "./service-spec.ts";
import { isActedOn, pathOf, type Runtime, runtimeOf, standingOf } from "./standing.ts";

/** A field that is acted on and was left out, and the value that stands in its place. */
export interface Default {
  /** Canonical JSON path. */
  readonly path: string;
  readonly value: Json;
}

/** What a field is when it is left out, where that follows from others. */
const FOLLOWING: Readonly<Record<string, (spec: ServiceSpec) => Json>> = {
  "$.metadata.memory": (spec) => spec.memoryMb,
  "$.metadata.enable_grpc": (spec) => spec.protocol === "grpc",
};

/**
 * The defaults of the fields that are acted on for this service, in the order of the reference. Of a list, those of the items that are there; of
 * a block inside of one, such as a probe, only when it is there.
 */
export function defaultsOf(document: JsonObject, spec: ServiceSpec): Default[] {
  const found: Default[] = [];
  const job: Job = { spec, runtime: runtimeOf(spec.processor), found };
  visit(job, SERVICE_FIELD, document, []);
  return found;
}

interface Job {
  readonly spec: ServiceSpec;
  readonly runtime: Runtime;
  readonly found: Default[];
}

function visit(job: Job, field: Field, given: Json | undefined, steps: Steps): void {
  if (!isActedOn(field)) return;
  const standing = standingOf(field, pathOf(steps), job.runtime, null, job.spec.processor);
  if (standing !== null && standing.kind !== "effective") return;
  if (field.properties !== undefined) {
    const isInList = steps.some((step) => typeof step === "number");
    if (given === undefined && isInList) return;
    const block = isObject(given) ? (given as JsonObject) : {};
    for (const [name, child] of Object.entries(field.properties))
      visit(job, child, block[name], [...steps, name]);
    return;
  }
  if (field.items !== undefined && standing === null) {
    for (const [i, item] of (Array.isArray(given) ? (given as readonly Json[]) : []).entries())
      visit(job, field.items, item, [...steps, i]);
    return;
  }
  if (given !== undefined) return;
  const path = jsonPath(steps);
  const following = FOLLOWING[path];
  const value = following === undefined ? field.default : following(job.spec);
  if (value !== undefined) job.found.push({ path, value: value as Json });
}
