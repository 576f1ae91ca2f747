import { canBatch } from "./build.ts";
import type { Field } from "./field.ts";
import { jsonPath } from "./json-path.ts";
import type { ProcessorSource } from "./service-spec.ts";

/**
 * What a service may be run as in this build. All are processes of this machine; there is no Docker and no Kubernetes runtime
 * yet, so no field has a standing there.
 */
export const RUNTIMES = {
  "ready-made": "a ready-made processor",
  python: "a processor of one's own in Python",
  native: "a processor of one's own in C++ or for Node",
  java: "a processor of one's own in Java",
  server: "a server of one's own (`containers`)",
} as const;
export type Runtime = keyof typeof RUNTIMES;

/** What becomes of a field. */
export type Standing =
  | { readonly kind: "effective" }
  /** Beside what else the service is, the field is refused. */
  | { readonly kind: "refused"; readonly reason: string }
  /** Checked, kept, and without effect. */
  | { readonly kind: "not-effective"; readonly reason: string };

const EFFECTIVE: Standing = { kind: "effective" };
/** A name in a block whose names are not all known (eas-reference §1). */
const UNKNOWN = "no such name is known here, in a block of which not all names are known";

/** Fields that are acted on, but not for each runtime. */
interface Exception {
  /** Canonical JSON paths. */
  readonly paths: readonly string[];
  readonly of: readonly Runtime[];
  readonly reason: string;
  readonly kind?: "refused";
  /** Only for some of the services of these runtimes. Absent: for all. */
  readonly isOf?: (processor: ProcessorSource) => boolean;
}

const PROCESSORS: readonly Runtime[] = ["ready-made", "python", "native", "java"];
const OWN: readonly Runtime[] = ["python", "native", "java"];

/** The first that fits counts. */
export const EXCEPTIONS: readonly Exception[] = [
  {
    // eas-reference §1.1: containers are left out beside a processor.
    paths: ["$.containers"],
    of: PROCESSORS,
    reason: "a processor is what runs; containers are read only for a service without one",
  },
  {
    paths: ["$.processor_type"],
    of: ["ready-made"],
    kind: "refused",
    reason: "a ready-made processor has its language; leave one of the two out",
  },
  {
    paths: ["$.processor_path", "$.processor_entry"],
    of: ["ready-made"],
    reason: "a ready-made processor brings its own code",
  },
  {
    paths: ["$.processor_mainclass", "$.processor_jvm_options"],
    of: ["ready-made", "python", "native", "server"],
    reason: "it is read for a processor of one's own in Java",
  },
  {
    paths: ["$.processor_entry"],
    of: ["server"],
    reason: "the command of the container says what is started",
  },
  {
    paths: ["$.requirements"],
    of: ["ready-made"],
    reason: "a ready-made processor has packages of its own",
  },
  {
    paths: ["$.requirements"],
    of: ["native"],
    kind: "refused",
    reason: "these are Python packages; bring libraries in `processor_path`",
  },
  {
    paths: ["$.requirements"],
    of: ["java"],
    reason: "these are Python packages; bring jars in `processor_path`",
  },
  {
    paths: ["$.requirements"],
    of: ["server"],
    reason: "the Python packages of a server stand in `containers[0].prepare`",
  },
  {
    paths: ["$.metadata.enable_grpc"],
    of: OWN,
    kind: "refused",
    reason: "the engine of a processor of one's own speaks HTTP/1.1; `true` is for a server of one's own",
  },
  {
    paths: ["$.metadata.gpu"],
    of: ["python", "native", "java", "server"],
    reason: "only ready-made processors are told of GPUs; a program sees all that the machine has",
  },
  {
    paths: ["$.metadata.gpu"],
    of: ["ready-made"],
    reason: "this processor's code is not one for GPUs",
    isOf: (processor) => processor.kind === "builtin" && processor.gpus === undefined,
  },
  {
    paths: ["$.metadata.rpc.batching", "$.metadata.rpc.max_batch_size", "$.metadata.rpc.max_batch_timeout"],
    of: ["java", "server"],
    reason: "requests are given to it one by one",
  },
  {
    paths: ["$.metadata.rpc.batching", "$.metadata.rpc.max_batch_size", "$.metadata.rpc.max_batch_timeout"],
    of: ["ready-made"],
    reason: "this processor takes requests one by one",
    isOf: (processor) => !canBatch(processor),
  },
  {
    paths: ["$.warm_up_data_path"],
    of: ["server"],
    reason: "no engine stands before a server that could send them; a startup check can",
  },
  {
    // There is no other way to tell it (decision 0021).
    paths: ["$.metadata.rpc.enable_sigterm"],
    of: ["server"],
    reason: "a server always gets SIGTERM, after its last answer",
  },
  {
    paths: [
      "$.metadata.rpc.decompressor",
      "$.metadata.rpc.max_queue_size",
      "$.metadata.rpc.rate_limit",
      "$.metadata.rpc.worker_processes",
      "$.metadata.rpc.worker_threads",
    ],
    of: ["server"],
    reason:
      "no engine stands before a server: it gets bodies as they come, and queues and counts its requests itself",
  },
];

/** What a service of this spec is run as. */
export function runtimeOf(processor: ProcessorSource): Runtime {
  if (processor.kind === "builtin") return "ready-made";
  if (processor.kind === "command") return "server";
  if (processor.language === "java" || processor.language === "python") return processor.language;
  return "native";
}

/**
 * The standing of a field for one runtime; `processor`: for one service of it, where services of a runtime differ. Null: the field is a
 * block of fields that each have one.
 * @param path canonical names; places in lists do not count
 * @param inherited reason of the block around it
 */
export function standingOf(
  field: Field,
  path: string,
  runtime: Runtime,
  inherited: string | null = null,
  processor: ProcessorSource | null = null,
): Standing | null {
  const isEffective = field["x-effective"] === true;
  if (isEffective || isActedOn(field)) {
    const exception = EXCEPTIONS.find(
      ({ paths, of, isOf }) =>
        isIn(path, paths) &&
        of.includes(runtime) &&
        (isOf === undefined || (processor !== null && isOf(processor))),
    );
    if (exception !== undefined) {
      return { kind: exception.kind ?? "not-effective", reason: exception.reason };
    }
    return isEffective ? EFFECTIVE : null;
  }
  return { kind: "not-effective", reason: field["x-reason"] ?? inherited ?? UNKNOWN };
}

/** What is said of a field is said of all in it. */
const isIn = (path: string, paths: readonly string[]) =>
  paths.some((each) => path === each || path.startsWith(`${each}.`));

/** Only for some of the services of a runtime it has no effect: why, for the reference. Null: it is the same for all. */
export function sometimesNot(path: string, runtime: Runtime): string | null {
  const found = EXCEPTIONS.find(
    ({ paths, of, isOf }) => isOf !== undefined && paths.includes(path) && of.includes(runtime),
  );
  return found?.reason ?? null;
}

const actedOn = new WeakMap<Field, boolean>();

/** True when this build acts on the field or on one below it. */
export function isActedOn(field: Field): boolean {
  const known = actedOn.get(field);
  if (known !== undefined) return known;
  const found =
    field["x-effective"] === true ||
    Object.values(field.properties ?? {}).some(isActedOn) ||
    (field.items !== undefined && isActedOn(field.items));
  actedOn.set(field, found);
  return found;
}

/** A path without places in lists is what {@link EXCEPTIONS} go by. */
export const pathOf = (names: readonly (string | number)[]) =>
  jsonPath(names.filter((name) => typeof name === "string"));
