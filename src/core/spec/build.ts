import type { Problem } from "../errors.ts";
import type { GroupName, ServiceName } from "../names.ts";
import { buildCommand } from "./build-command.ts";
import { buildJava } from "./build-java.ts";
import { buildPolicy } from "./build-policy.ts";
import { buildRequirements } from "./build-requirements.ts";
import type { Checked } from "./check.ts";
import { describeFound } from "./found.ts";
import { jsonPath, type Origins, type Steps } from "./json-path.ts";
import {
  insteadOf,
  isBuiltinCode,
  KNOWN_CODES,
  READY_CODES,
  type ReadyProcessor,
  RUNNABLE_TYPES,
  readyProcessor,
  takesBatches,
} from "./processors.ts";
import { buildRolling } from "./rolling.ts";
import type { ServiceDocument } from "./schema.ts";
import type { ModelSource, ProcessorSource, ServiceSpec, Source } from "./service-spec.ts";
import { parseEntry, parseSource, SOURCE_FORMS } from "./sources.ts";
import { nearest } from "./suggest.ts";

/** Defaults of eas-reference §1.2 and §1.3; the schema shows the same ones. */
const DEFAULTS = {
  cpu: 1,
  memoryMbPerCore: 1000,
  workerThreads: 5,
  maxQueueSize: 64,
  keepaliveMs: 5000,
  graceS: 30,
  batchSizeMax: 16,
  batchWaitMsMax: 50,
};

/** What the fields ask for together. Null when they ask for nothing that can be run; `problems` says why. */
export interface Built {
  readonly spec: ServiceSpec | null;
  readonly problems: readonly Problem[];
}

/** Fills in defaults, and checks what no single field can tell: what is to be run, and from where. */
export function buildSpec(checked: Checked, origins: Origins): Built {
  const problems: Problem[] = [];
  const given = checked.document as unknown as Partial<ServiceDocument>;
  const refuse: Refuse = (steps, found, allowed) => {
    // A field with a wrong type has its problem already.
    if (!checked.refused.has(jsonPath(steps)))
      problems.push({ path: origins.spelled(steps), found, allowed });
    return null;
  };
  const isTypeRefused = checked.refused.has("$.processor_type");
  // What is wrong in it was left out, so that the rest cannot be told from what was never there.
  const isBroken = isTypeRefused || [...checked.refused].some((path) => path.startsWith("$.containers"));
  const processor = isBroken ? null : buildProcessor(given, refuse);
  const model = buildModel(given, processor, refuse);
  const warmUp = warmUpAt(given.warm_up_data_path, refuse);
  if (given.metadata?.enable_grpc === true && processor?.kind === "custom") {
    refuse(
      ["metadata", "enable_grpc"],
      "true",
      "false beside a processor of your own: its engine speaks HTTP/1.1; a gRPC server is a program of its own (containers with a script or command)",
    );
  }
  // Where a type is wrong, nothing can be read together.
  const policy = checked.refused.size > 0 ? null : buildPolicy(given.networking?.gateway_policy, refuse);
  const rolling = checked.refused.size > 0 ? null : buildRolling(given.metadata?.rolling_strategy, refuse);
  if (
    processor === null ||
    model === null ||
    rolling === null ||
    checked.refused.size > 0 ||
    problems.length > 0
  ) {
    return { spec: null, problems };
  }
  const document = given as ServiceDocument;
  const { metadata } = document;
  const cpu = metadata.cpu ?? DEFAULTS.cpu;
  const spec: ServiceSpec = {
    name: metadata.name as ServiceName,
    group: (metadata.group as GroupName | undefined) ?? null,
    trafficState: metadata.traffic_state ?? "grouping",
    instanceCount: metadata.instance,
    cpu,
    isCpuAsked: metadata.cpu !== undefined,
    memoryMb: memoryMbOf(metadata),
    token: document.token ?? null,
    processor,
    model,
    // Without an engine nobody could send them.
    warmUp: processor.kind === "command" ? null : warmUp,
    rpc: {
      workerThreads: metadata.rpc?.worker_threads ?? DEFAULTS.workerThreads,
      maxQueueSize: metadata.rpc?.max_queue_size ?? DEFAULTS.maxQueueSize,
      keepaliveMs: metadata.rpc?.keepalive ?? DEFAULTS.keepaliveMs,
      ...(metadata.rpc?.worker_processes === undefined
        ? {}
        : { workerProcesses: metadata.rpc.worker_processes }),
      ...(metadata.rpc?.rate_limit ? { rateLimit: metadata.rpc.rate_limit } : {}),
      ...(metadata.rpc?.batching !== true || !canBatch(processor)
        ? {}
        : {
            batching: {
              sizeMax: metadata.rpc.max_batch_size ?? DEFAULTS.batchSizeMax,
              waitMsMax: metadata.rpc.max_batch_timeout ?? DEFAULTS.batchWaitMsMax,
            },
          }),
      ...(metadata.rpc?.decompressor === undefined ? {} : { decompressor: metadata.rpc.decompressor }),
    },
    labels: { ...document.labels },
    isBodyChecked: document.networking?.gateway_policy?.body_digest !== "ignore",
    protocol: protocolOf(processor, metadata.enable_grpc),
    isCrashBlocked: document.runtime?.enable_crash_block ?? false,
    terminationGraceMs: (metadata.eas?.termination_grace_period ?? DEFAULTS.graceS) * 1000,
    isSigtermSent: metadata.rpc?.enable_sigterm ?? false,
    rolling,
    policy,
  };
  return { spec, problems };
}

/** Whether its workers can take several requests at once; whether the model can is for them to say. */
export function canBatch(processor: ProcessorSource): boolean {
  if (processor.kind === "builtin") return takesBatches(processor.family);
  return processor.kind === "custom" && processor.language !== "java";
}

/** Clients of the Open Inference Protocol expect both of a ready-made processor, without asking for it. */
function protocolOf(processor: ProcessorSource, isGrpc: boolean | undefined): ServiceSpec["protocol"] {
  if (processor.kind === "builtin") return isGrpc === false ? "http" : "both";
  return isGrpc === true ? "grpc" : "http";
}

const memoryMbOf = ({ cpu = DEFAULTS.cpu, memory }: Partial<ServiceDocument["metadata"]>) =>
  memory ?? DEFAULTS.memoryMbPerCore * Math.ceil(cpu);

/** Notes what stands at a field, and what may. */
export type Refuse = (steps: Steps, found: string, allowed: string) => null;

const show = (value: unknown) => describeFound(value, { type: "string" });
const quoted = (words: readonly string[]) => words.map((word) => `"${word}"`).join(" or ");
/** An example of a main file, by language. */
const ENTRIES = { python: "app.py", java: "app.jar", cpp: "libecho.so", node: "app.ts" };
const TYPES = `processor_type ${quoted(RUNNABLE_TYPES)}`;
/** What this build runs. */
const RUNS = `processor ${quoted(READY_CODES)}, a processor of your own with ${TYPES}, or containers with a script or command`;

function buildProcessor(given: Partial<ServiceDocument>, refuse: Refuse): ProcessorSource | null {
  const { processor: code, processor_type: type } = given;
  if (type !== undefined) return buildCustom(given, type, refuse);
  if (code === undefined) {
    if (given.containers === undefined) return refuse(["processor"], "nothing", RUNS);
    return buildCommand(given.containers, sourceAt(["processor_path"], given.processor_path, refuse), refuse);
  }
  const gpus = given.metadata?.gpu ?? 0;
  const ready = readyProcessor(code, gpus);
  if (ready !== null) return buildReady(code, ready, gpus);
  const instead = insteadOf(code);
  if (instead !== null) return refuse(["processor"], show(code), `${instead}, or ${RUNS}`);
  if (given.processor_path !== undefined || given.processor_entry !== undefined || code === "custom") {
    return refuse(["processor_type"], "nothing", TYPES);
  }
  const near = nearest(code, KNOWN_CODES);
  return refuse(["processor"], show(code), near === null ? RUNS : `${RUNS}; did you mean "${near.name}"?`);
}

/** The libraries of a ready-made processor are made into an environment as those of the user's own are. */
function buildReady(code: string, ready: ReadyProcessor, gpus: number): ProcessorSource {
  const { family, requirements: lines, accepts } = ready;
  const more = accepts === undefined ? {} : { accepts };
  const requirements =
    lines.length === 0 ? {} : { requirements: { lines, file: null, field: "processor", ...more } };
  return { kind: "builtin", code, family, ...(ready.isGpu ? { gpus } : {}), ...requirements };
}

function buildCustom(
  given: Partial<ServiceDocument>,
  language: NonNullable<ServiceDocument["processor_type"]>,
  refuse: Refuse,
): ProcessorSource | null {
  const { processor: code, processor_path: path, processor_entry: entry } = given;
  if (code !== undefined && isBuiltinCode(code)) {
    refuse(
      ["processor"],
      show(code),
      "no built-in processor beside processor_type: leave one of the two out",
    );
  }
  const source = sourceAt(["processor_path"], path, refuse);
  if (path === undefined) refuse(["processor_path"], "nothing", SOURCE_FORMS);
  const inside = entry === undefined ? null : parseEntry(entry);
  if (entry === undefined) {
    // eas-reference §1.1: Java names a class instead.
    if (language !== "java")
      refuse(["processor_entry"], "nothing", `the main file, such as "${ENTRIES[language]}"`);
  } else if (inside === null) {
    refuse(
      ["processor_entry"],
      show(entry),
      "a file inside processor_path, without a leading / and without ..",
    );
  }
  if (language === "java") {
    const java = buildJava(
      {
        mainClass: given.processor_mainclass,
        options: given.processor_jvm_options,
        memoryMb: memoryMbOf(given.metadata ?? {}),
      },
      refuse,
    );
    if (source === null || java === null || (entry !== undefined && inside === null)) return null;
    return { kind: "custom", language, source, entry: inside, ...java };
  }
  const { requirements: wanted } = given;
  if (wanted !== undefined && language !== "python") {
    const own =
      language === "node" ? "a node_modules folder in processor_path" : "libraries in processor_path";
    refuse(["requirements"], "Python packages", `nothing beside processor_type "${language}": bring ${own}`);
  }
  const at: Steps = ["requirements"];
  const words = typeof wanted === "string" ? { file: wanted } : { lines: wanted };
  const requirements = buildRequirements({ ...words, linesAt: at, fileAt: at, hasFolder: true }, refuse);
  if (source === null || inside === null || requirements === null) return null;
  return { kind: "custom", language, source, entry: inside, ...(requirements ? { requirements } : {}) };
}

function buildModel(
  given: Partial<ServiceDocument>,
  processor: ProcessorSource | null,
  refuse: Refuse,
): ModelSource | null {
  const { model_path: path, model_entry: entry, model_config: config } = given;
  const source = sourceAt(["model_path"], path, refuse);
  if (path === undefined && processor?.kind === "builtin") {
    return refuse(
      ["model_path"],
      "nothing",
      `${SOURCE_FORMS}: the processor ${processor.code} needs a model`,
    );
  }
  const inside = entry === undefined ? null : parseEntry(entry);
  if (entry !== undefined && inside === null) {
    return refuse(
      ["model_entry"],
      show(entry),
      "a file inside model_path, without a leading / and without ..",
    );
  }
  return { source, entry: inside, config: configText(config) };
}

/** Null when it is not given, or refused. */
function sourceAt(steps: Steps, text: string | undefined, refuse: Refuse): Source | null {
  if (text === undefined) return null;
  const source = parseSource(text);
  return source.kind === "refused" ? refuse(steps, show(text), source.allowed) : source;
}

/** A file needs no archive around it. */
function warmUpAt(text: string | undefined, refuse: Refuse): Source | null {
  const source = sourceAt(["warm_up_data_path"], text, refuse);
  return source?.kind === "url" ? { ...source, isFileToo: true } : source;
}

function configText(config: unknown): string | null {
  if (config === undefined) return null;
  return typeof config === "string" ? config : JSON.stringify(config);
}
