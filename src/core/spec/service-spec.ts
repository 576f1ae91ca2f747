import type { HealthSpec } from "../health/probe.ts";
import type { CustomLanguage, JavaClass, RpcSpec } from "../instance-spec.ts";
import type { GroupName, ServiceName } from "../names.ts";
import type { GatewayPolicy } from "../traffic/policy.ts";
import type { ProcessorFamily } from "./processors.ts";
import type { Requirements } from "./requirements.ts";
import type { RollingSpec } from "./rolling.ts";
import type { NotEffectiveField } from "./standings.ts";

/** Any JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
/** A JSON object. */
export type JsonObject = { readonly [key: string]: Json };

/**
 * What a service.json asks for, parsed whole and with defaults filled in (eas-reference §1). Only the fields
 * that are acted on stand here; the document itself is kept beside it.
 */
export interface ServiceSpec {
  readonly name: ServiceName;
  /** `metadata.group`; fixed for the life of a service. */
  readonly group: GroupName | null;
  /** `metadata.traffic_state`; absent means `grouping` (design §6). */
  readonly trafficState: "grouping" | "standalone";
  /** `metadata.instance`: 0 to 1000. */
  readonly instanceCount: number;
  /** `metadata.cpu`: cores, default 1. */
  readonly cpu: number;
  /** `metadata.cpu` was given; the default is no limit that anybody asked for. */
  readonly isCpuAsked: boolean;
  /** `metadata.memory`: MB, default 1000 for each started core. */
  readonly memoryMb: number;
  /** `token`; null: one is generated at creation and kept. */
  readonly token: string | null;
  readonly processor: ProcessorSource;
  readonly model: ModelSource;
  /** `warm_up_data_path`: requests that an instance must have answered before it is ready; null: none. */
  readonly warmUp: Source | null;
  readonly rpc: RpcSpec;
  readonly labels: Readonly<Record<string, string>>;
  /** `networking.gateway_policy.body_digest`: the body of a signed request is checked against its Content-MD5. */
  readonly isBodyChecked: boolean;
  /**
   * What its instances speak, and the gateway takes for it: gRPC over HTTP/2 without TLS (`metadata.enable_grpc`), HTTP/1.1, or both, as
   * ready-made processors do, which have the Open Inference Protocol in either form.
   */
  readonly protocol: "http" | "grpc" | "both";
  /** `runtime.enable_crash_block`: a crashed instance is kept for inspection instead of started again. */
  readonly isCrashBlocked: boolean;
  /** `metadata.eas.termination_grace_period` in ms, default 30 000: longest drain of one instance. */
  readonly terminationGraceMs: number;
  /** `metadata.rpc.enable_sigterm`: the user's own code is sent SIGTERM when its instance ends. */
  readonly isSigtermSent: boolean;
  /** `metadata.rolling_strategy`: how fast instances are replaced. */
  readonly rolling: RollingSpec;
  /** `networking.gateway_policy`; null: nothing of it is asked for. */
  readonly policy: GatewayPolicy | null;
}

/** Where files come from. */
export type Source =
  /** On this machine, absolute. */
  | { readonly kind: "path"; readonly path: string }
  /** Brought from elsewhere: an archive behind http(s), an object or folder of oss or s3, a commit of git (sources.ts). May hold a secret. */
  | {
      readonly kind: "url";
      readonly url: string;
      /** What http(s) brings may be one file as it is, too, and not only an archive. */
      readonly isFileToo?: true;
    };

export type ProcessorSource =
  | {
      readonly kind: "builtin";
      /** As the user named it, e.g. `tensorflow_cpu_2.7`. */
      readonly code: string;
      readonly family: ProcessorFamily;
      /** Of a code for GPUs: how many `metadata.gpu` asks for; 0: it runs on the CPU. Absent: a code without. */
      readonly gpus?: number;
      /** Packages that it runs with; absent: none of Python. */
      readonly requirements?: Requirements;
    }
  | {
      readonly kind: "custom";
      readonly language: Exclude<CustomLanguage, "java">;
      readonly source: Source;
      readonly entry: string;
      /** `requirements`: packages it runs with; absent: what the machine's Python has. */
      readonly requirements?: Requirements;
    }
  | ({
      readonly kind: "custom";
      readonly language: "java";
      readonly source: Source;
      /** The jar in it that comes first; null: none is named. */
      readonly entry: string | null;
      readonly requirements?: never;
    } & JavaClass)
  /** `containers[0]`: a program that listens on a port itself (eas-reference §1.4). */
  | {
      readonly kind: "command";
      /** The program and its arguments; a `script` is one argument of `/bin/sh -c`. */
      readonly argv: readonly string[];
      /** `port`, default 8000. */
      readonly port: number;
      readonly env: readonly EnvironmentEntry[];
      /** `processor_path`: the folder it runs in; null: the model's, or else the instance's own. */
      readonly source: Source | null;
      /** `startup_check`, `readiness_check`, `liveness_check`; absent: ready is what listens. */
      readonly health?: HealthSpec;
      /** `prepare.pythonRequirements` and `prepare.pythonRequirementsPath`; absent: no environment is made. */
      readonly requirements?: Requirements;
    };

/** One variable of `containers[0].env`. The value may be a secret. */
export interface EnvironmentEntry {
  readonly name: string;
  readonly value: string;
}

export interface ModelSource {
  /** null when the spec has no `model_path`. */
  readonly source: Source | null;
  /** `model_entry`: relative to the model's folder. */
  readonly entry: string | null;
  /** `model_config` as text: a string as it is, anything else as JSON. */
  readonly config: string | null;
}

/** Result of parsing a service.json. */
export interface ParsedSpec {
  readonly spec: ServiceSpec;
  /** The document with dotted keys opened and aliases moved to their place: what is stored and shown. */
  readonly document: JsonObject;
  /** Known fields that do nothing here yet, by JSON path: named in the answer of create and update. */
  readonly notEffective: readonly NotEffectiveField[];
}
