import type { Field } from "./field.ts";
import type { Origins, Steps } from "./json-path.ts";
import { isObject } from "./json-value.ts";
import { SERVICE_FIELD } from "./schema.ts";
import type { Json, JsonObject } from "./service-spec.ts";

/** True when this build acts on the field or on one below it. */
export function isActedOn(field: Field): boolean {
  return field["x-effective"] === true || Object.values(field.properties ?? {}).some(isActedOn);
}

/**
 * Fields of a document that do nothing in this build, by JSON path as the user spelled it. Where nothing of a block is
 * acted on, the block is named and not each field in it.
 */
export function listNotEffective(document: JsonObject, origins: Origins): string[] {
  const paths: string[] = [];
  visit(SERVICE_FIELD, document, [], origins, paths);
  return [...new Set(paths)];
}

function visit(field: Field, value: Json, steps: Steps, origins: Origins, paths: string[]): void {
  if (field["x-effective"] === true) return;
  const isBlock = field.properties !== undefined && isObject(value);
  if (!isBlock || (!isActedOn(field) && (origins.has(steps) || Object.keys(value).length === 0))) {
    paths.push(origins.spelled(steps));
    return;
  }
  for (const [name, child] of Object.entries(value as JsonObject)) {
    visit(field.properties![name] ?? {}, child, [...steps, name], origins, paths);
  }
}
