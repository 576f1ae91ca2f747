import type { Field } from "./field.ts";
import { jsonPath, type Origins, type Steps } from "./json-path.ts";
import { isObject } from "./json-value.ts";
import { SERVICE_FIELD } from "./schema.ts";
import type { Json, JsonObject, ProcessorSource } from "./service-spec.ts";

/** True when this build acts on the field or on one below it. */
export function isActedOn(field: Field): boolean {
  return (
    field["x-effective"] === true ||
    Object.values(field.properties ?? {}).some(isActedOn) ||
    (field.items !== undefined && isActedOn(field.items))
  );
}

/** Taken by processors of the user's own, but for those in Java. */
const BATCHING = [
  "$.metadata.rpc.batching",
  "$.metadata.rpc.max_batch_size",
  "$.metadata.rpc.max_batch_timeout",
];

/** Java's alone. */
const JAVA = ["$.processor_mainclass", "$.processor_jvm_options"];

/** What differs in the fields that are acted on. */
type Kind = ProcessorSource["kind"] | "java" | "gpu";

function kindOf(processor: ProcessorSource): Kind {
  if (processor.kind === "custom" && processor.language === "java") return "java";
  return processor.kind === "builtin" && processor.gpus !== undefined ? "gpu" : processor.kind;
}

/** Only ready-made processors whose code says so run on GPUs. */
const GPU = "$.metadata.gpu";

/** Fields that are acted on for other kinds of services, by canonical path. */
const IDLE: Readonly<Record<Kind, ReadonlySet<string>>> = {
  // eas-reference §1.1: containers are left out beside a processor.
  builtin: new Set(["$.containers", "$.requirements", ...JAVA, ...BATCHING, GPU]),
  gpu: new Set(["$.containers", "$.requirements", ...JAVA, ...BATCHING]),
  custom: new Set(["$.containers", ...JAVA, GPU]),
  java: new Set(["$.containers", "$.requirements", ...BATCHING, GPU]),
  // No engine stands before a program of one's own: nothing queues for it, and nothing counts its threads.
  command: new Set([
    GPU,
    "$.processor_entry",
    "$.requirements",
    ...JAVA,
    "$.warm_up_data_path",
    // It always gets SIGTERM: without an engine there is no other way to tell it (decision 0021).
    "$.metadata.rpc.enable_sigterm",
    ...BATCHING,
    "$.metadata.rpc.decompressor",
    "$.metadata.rpc.max_queue_size",
    "$.metadata.rpc.rate_limit",
    "$.metadata.rpc.worker_processes",
    "$.metadata.rpc.worker_threads",
  ]),
};

/**
 * Fields of a document that do nothing in this build, or nothing for a service of this kind, by JSON path as the user spelled it.
 * Where nothing of a block is acted on, the block is named and not each field in it.
 */
export function listNotEffective(
  document: JsonObject,
  origins: Origins,
  processor: ProcessorSource,
): string[] {
  const paths: string[] = [];
  visit({ origins, idle: IDLE[kindOf(processor)], paths }, SERVICE_FIELD, document, []);
  return [...new Set(paths)];
}

interface Visit {
  readonly origins: Origins;
  readonly idle: ReadonlySet<string>;
  readonly paths: string[];
}

function visit(job: Visit, field: Field, value: Json, steps: Steps): void {
  const { origins, idle, paths } = job;
  const isIdle = idle.has(jsonPath(steps));
  if (field["x-effective"] === true && !isIdle) return;
  if (!isIdle && field.items !== undefined && Array.isArray(value) && isActedOn(field.items)) {
    for (const [i, item] of (value as readonly Json[]).entries())
      visit(job, field.items, item, [...steps, i]);
    return;
  }
  const isBlock = field.properties !== undefined && isObject(value);
  if (isIdle || !isBlock || (!isActedOn(field) && (origins.has(steps) || Object.keys(value).length === 0))) {
    paths.push(origins.spelled(steps));
    return;
  }
  for (const [name, child] of Object.entries(value as JsonObject)) {
    visit(job, field.properties![name] ?? {}, child, [...steps, name]);
  }
}
