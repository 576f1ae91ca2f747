import type { Field } from "./field.ts";
import type { Origins, Steps } from "./json-path.ts";
import { isObject } from "./json-value.ts";
import { SERVICE_FIELD } from "./schema.ts";
import type { Json, JsonObject, ProcessorSource } from "./service-spec.ts";
import { isActedOn, pathOf, type Runtime, runtimeOf, type Standing, standingOf } from "./standing.ts";

/** What becomes of one field of a document. */
export interface FieldStanding {
  /** JSON path as the user spelled it. */
  readonly path: string;
  readonly standing: Exclude<Standing, { kind: "refused" }>;
}

/** A field that does nothing for this service in this build, and why. */
export interface NotEffectiveField {
  /** JSON path as the user spelled it. */
  readonly path: string;
  readonly reason: string;
}

/**
 * What becomes of each field that stands in an accepted document, in the order of the document. Where nothing of a block is acted
 * on, the block is named and not each field in it.
 */
export function standingsOf(
  document: JsonObject,
  origins: Origins,
  processor: ProcessorSource,
): FieldStanding[] {
  const found = new Map<string, FieldStanding>();
  const job = { origins, runtime: runtimeOf(processor), processor, found };
  visit(job, SERVICE_FIELD, document, [], null);
  return [...found.values()];
}

/** Those of them that do nothing. */
export const notEffectiveOf = (standings: readonly FieldStanding[]): NotEffectiveField[] =>
  standings.flatMap(({ path, standing }) =>
    standing.kind === "not-effective" ? [{ path, reason: standing.reason }] : [],
  );

interface Visit {
  readonly origins: Origins;
  readonly runtime: Runtime;
  readonly processor: ProcessorSource;
  readonly found: Map<string, FieldStanding>;
}

function visit(job: Visit, field: Field, value: Json, steps: Steps, inherited: string | null): void {
  const standing = standingOf(field, pathOf(steps), job.runtime, inherited, job.processor);
  const reason = field["x-reason"] ?? inherited;
  if (standing === null && field.items !== undefined && Array.isArray(value)) {
    for (const [i, item] of (value as readonly Json[]).entries())
      visit(job, field.items, item, [...steps, i], reason);
    return;
  }
  const isBlock = field.properties !== undefined && isObject(value);
  const names = isBlock ? Object.entries(value as JsonObject) : [];
  // A block without effect that was put together from dotted keys is told by them.
  const isOpened = names.length > 0 && (isActedOn(field) || !job.origins.has(steps));
  if (isBlock && isOpened && (standing === null || !isActedOn(field))) {
    for (const [name, child] of names) {
      visit(job, field.properties![name] ?? {}, child, [...steps, name], reason);
    }
    return;
  }
  // An empty block of fields says nothing.
  if (isBlock && standing === null) return;
  const path = job.origins.spelled(steps);
  // What is accepted is not refused: the field has a value that goes with the rest.
  const accepted =
    standing === null || standing.kind === "refused" ? ({ kind: "effective" } as const) : standing;
  if (!job.found.has(path)) job.found.set(path, { path, standing: accepted });
}
