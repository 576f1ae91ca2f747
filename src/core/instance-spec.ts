import type { MemoryGrowth } from "./health/memory-growth.ts";
import type { HealthSpec } from "./health/probe.ts";
import type { GroupName, InstanceId, ServiceName } from "./names.ts";
import type { ProcessorFamily } from "./spec/processors.ts";
import type { StageTime } from "./start-stages.ts";

/** What an instance asks of direct callers over TCP; the only part of its spec that may change while it lives. */
export interface AccessRules {
  /** Tokens that open the instance by its service's name; the gateway's unix socket needs none. */
  readonly tokens: readonly string[];
  /** Those of them that open it by its group's name: a member's token opens only the member (design §6). Absent: none. */
  readonly groupTokens?: readonly string[];
  /** The body of a signed request is checked against its Content-MD5. */
  readonly isBodyChecked: boolean;
}

/** All that one instance has to know; written to its run directory, read by its engine. */
export interface InstanceSpec extends AccessRules {
  readonly id: InstanceId;
  readonly service: ServiceName;
  /** The group that it is called by, too. Absent: none. */
  readonly group?: GroupName;
  readonly version: number;
  readonly epoch: number;
  readonly slot: number;
  readonly processor: ProcessorSpec;
  readonly model: ModelSpec;
  readonly rpc: RpcSpec;
  readonly limits: LimitSpec;
  /** Absolute path of a file or folder with requests that each worker must have answered before it is ready. Absent: none. */
  readonly warmUpPath?: string;
  /** Absolute path of the Python environment that its processor or program runs with. Absent: that of the machine. */
  readonly environmentPath?: string;
  /** The user's own code is sent SIGTERM when the instance ends (eas-reference §1.3, rpc.enable_sigterm). Absent: it is not. */
  readonly isSigtermSent?: true;
  /** Which soft restart it was started by, from 1. Absent: none. */
  readonly softRestart?: number;
}

export type ProcessorSpec =
  /** Ships with Sluice; `code` as in eas-reference §5.1. */
  | {
      readonly kind: "builtin";
      readonly code: string;
      readonly family: ProcessorFamily;
      /** Of a code for GPUs: how many `metadata.gpu` asks for; 0: it runs on the CPU. Absent: a code without. */
      readonly gpus?: number;
    }
  /** The user's own: `dir` absolute, `entry` relative to it (eas-reference §5.4, §5.5). */
  | {
      readonly kind: "custom";
      readonly language: Exclude<CustomLanguage, "java">;
      readonly dir: string;
      readonly entry: string;
    }
  /** One in Java: `dir` is a folder, or a jar itself; `entry` the jar in it that comes first, or null. */
  | ({
      readonly kind: "custom";
      readonly language: "java";
      readonly dir: string;
      readonly entry: string | null;
    } & JavaClass)
  /** A program that listens on a port itself; no engine stands before it (eas-reference §1.4). */
  | CommandSpec;

/** Languages that a processor of the user's own may be written in. */
export type CustomLanguage = "python" | "java" | "cpp" | "node";

/** What of a Java processor is started, and how. */
export interface JavaClass {
  /** With its package, e.g. `com.example.Echo`. */
  readonly mainClass: string;
  /** Options of the Java machine, checked (core/spec/jvm-options.ts); one an item. */
  readonly jvmOptions: readonly string[];
}

export interface CommandSpec {
  readonly kind: "command";
  /** The program and its arguments. */
  readonly argv: readonly string[];
  /** Where it listens if it does not go by PORT. */
  readonly port: number;
  /** Beside what it inherits; values may be secrets. */
  readonly env: readonly { readonly name: string; readonly value: string }[];
  /** Absolute; a file stands for its folder; null: the instance's own folder. */
  readonly dir: string | null;
  /** What is probed beside that it listens; absent: nothing. */
  readonly health?: HealthSpec;
}

export interface ModelSpec {
  /** Absolute path of the model file or folder; null when the processor needs none. */
  readonly path: string | null;
  /** Absolute path of the entry file; first argument of a processor's `initialize`. */
  readonly entry: string | null;
  /** `model_config` as text, given to the processor as it is. */
  readonly config: string | null;
}

/** `metadata.rpc` (eas-reference §1.3). */
export interface RpcSpec {
  /** Requests worked on at once, by each of its processes. */
  readonly workerThreads: number;
  /** Processes that work on them, each with as many threads. Absent: as the processor's own code says, else one. */
  readonly workerProcesses?: number;
  /** Requests that may wait for a worker; one more is 450. */
  readonly maxQueueSize: number;
  /** Receive + queue + compute, in ms; longer is 408. */
  readonly keepaliveMs: number;
  /** Requests a second of this instance, above 0; more are 429. Absent: no limit. */
  readonly rateLimit?: number;
  /** How clients compress request bodies; the processor gets them decompressed. Absent: as they come. */
  readonly decompressor?: Decompressor;
  /** Requests are given to a worker in batches where its processor can take them. Absent: one by one. */
  readonly batching?: BatchSpec;
}

export type Decompressor = "zlib" | "gzip" | "snappy" | "zstd" | "lz4";

export interface BatchSpec {
  /** Most requests in one batch, from 1. */
  readonly sizeMax: number;
  /** Longest time that a request waits for others, in ms; 0: never. */
  readonly waitMsMax: number;
}

export interface LimitSpec {
  /** Cores; may be a fraction. Given to the processor's runtime as a thread count hint, rounded up. */
  readonly cpu: number;
  /** MB of memory: of all processes of the instance by a control group, else of each (RLIMIT_DATA; heap for Java and Node). */
  readonly memoryMb: number;
  /** `metadata.cpu` was given: then it is also the most that a control group lets the instance have. */
  readonly isCpuAsked?: boolean;
  /** Told to the engine by the runtime: a control group holds the memory, so no process sets a limit for itself. */
  readonly isMemoryHeld?: boolean;
}

/** What holds a running instance to its {@link LimitSpec}. */
export interface LimitsInForce {
  /** A control group of version 1 or 2, or a limit that each process sets for itself (decision 0006). */
  readonly memory: "cgroup1" | "cgroup2" | "rlimit";
  /** A control group, or only the thread counts that libraries go by. */
  readonly cpu: "cgroup1" | "cgroup2" | "hint";
  /** Processes and threads. */
  readonly processes: "cgroup1" | "cgroup2" | "none";
  /** Why something is not held by a control group; null when all is. */
  readonly note: string | null;
}

/** The memory of the processor workers of an instance. */
export interface WorkerMemory {
  /** Resident, all workers together; told anew when it has changed by 2 %. */
  readonly bytes: number;
  /** It grows with the requests. Absent: it does not, or that cannot be told. */
  readonly growth?: MemoryGrowth;
}

/** What the engine says about itself in `state.json`; replaced whole on each change. */
export interface InstanceState {
  /** `unready`: it was ready, goes on, and gets no requests for now. */
  readonly phase: "loading" | "ready" | "unready" | "draining" | "failed";
  /** For people: loading progress, or why it failed. */
  readonly message: string;
  /** TCP port for direct callers; null until it listens. Where a program of the user's own listens, gateways call it too. */
  readonly port: number | null;
  /** Address of that port; absent: 127.0.0.1. */
  readonly host?: string;
  /** Which warm-up request its worker works on, from 1, while it is loading; absent: none. */
  readonly warmUp?: { readonly at: number; readonly of: number };
  /** What people should know of one that is ready. */
  readonly note?: string;
  /** How it became ready, the last time that one of its workers did; absent: none has yet. */
  readonly stages?: readonly StageTime[];
  /** Of its workers; absent: not looked at yet. */
  readonly memory?: WorkerMemory;
  /** Library and version that its ready-made processor runs with, e.g. "xgboost 2.1.4", once it is known. */
  readonly library?: string;
  readonly workersReady: number;
  readonly workersTotal: number;
  /** Workers that died and were started again since this engine started. */
  readonly workerRestarts: number;
  /** Wall clock, ms. */
  readonly updatedAtMs: number;
}
