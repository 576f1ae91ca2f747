import type { AccessRules, InstanceSpec, InstanceState, LimitsInForce } from "../instance-spec.ts";
import type { InstanceId } from "../names.ts";
import type { InstanceExit, NewEvent, ServiceRecord, ServiceStatus } from "../service.ts";
import type { ServiceSpec } from "../spec/service-spec.ts";
import type { StageTime } from "../start-stages.ts";
import type { Room } from "./room.ts";

/** One instance as the runtime reports it. */
export interface ObservedInstance {
  readonly spec: InstanceSpec;
  readonly isAlive: boolean;
  readonly pid: number | null;
  readonly startedAtMs: number | null;
  readonly state: InstanceState | null;
  readonly exit: InstanceExit | null;
  /** What holds it to its limits; absent: the runtime does not say. */
  readonly limits?: LimitsInForce | null;
}

/** Models and processor packages on their way to this machine. `progress` is for people, newest last. */
export type FilesState =
  | { readonly kind: "fetching"; readonly progress: readonly string[] }
  | {
      readonly kind: "ready";
      readonly progress: readonly string[];
      readonly processorPath: string | null;
      readonly modelPath: string | null;
      /** Null, or not there: the spec has no warm-up. */
      readonly warmUpPath?: string | null;
      /** Folder of its Python environment. Null, or not there: the spec asks for none. */
      readonly environmentPath?: string | null;
      /** What it took; not there: not known. */
      readonly stages?: readonly StageTime[];
    }
  | {
      readonly kind: "failed";
      readonly progress: readonly string[];
      readonly message: string;
      readonly isRetriable: boolean;
    };

/**
 * What gateways do with an instance. `routed`: a table that may be in force names it. `draining`: none does, but
 * requests are in flight to it. `released`: neither, on any live gateway.
 */
export type Routing = "routed" | "draining" | "released";

/** What is wanted; null when no record owns the instances, so that all of them go. */
export interface Wanted {
  readonly record: ServiceRecord;
  readonly spec: ServiceSpec;
  /** Tokens for direct callers of an instance. */
  readonly tokens: readonly string[];
  /** Those of them that open it by its group's name; absent: not known. */
  readonly groupTokens?: readonly string[];
  readonly files: FilesState;
  /** The version before, as `updatingFrom` names it, while a rollout may hold instances back; null: it cannot be started. */
  readonly base?: Wanted | null;
}

export interface PlanInput {
  readonly wanted: Wanted | null;
  readonly observed: readonly ObservedInstance[];
  /** Instances with a start or stop under way in this process. */
  readonly busy: ReadonlyMap<InstanceId, "starting" | "stopping">;
  /** Starts that failed since the last plan, with why. */
  readonly failedStarts: ReadonlyMap<InstanceId, string>;
  readonly previous: ServiceStatus | null;
  readonly routing: (id: InstanceId) => Routing;
  /** What is free on the node; null, or not there: not known, and nothing is held back for it. */
  readonly room?: Room | null;
  /** Must not jump while the process lives; over restarts it may, and waits stay bounded. */
  readonly nowMs: number;
}

export type Action =
  | { readonly kind: "start"; readonly spec: InstanceSpec }
  /** It goes on under other rules for direct callers. */
  | { readonly kind: "set-access"; readonly id: InstanceId; readonly access: AccessRules }
  | {
      readonly kind: "stop";
      readonly id: InstanceId;
      readonly graceMs: number;
      /** `drained`: nobody uses it. `grace-over`: requests are still in flight. `dead`: only its remains go. */
      readonly why: "drained" | "grace-over" | "dead" | "failed";
    };

export interface Plan {
  readonly actions: readonly Action[];
  /** Null when there is no record. */
  readonly status: ServiceStatus | null;
  readonly events: readonly NewEvent[];
  /** All instances run the version in force and nothing else is there: the update that the record speaks of is over. */
  readonly isUpdateDone: boolean;
  /** Something is not started because it does not fit on the node. */
  readonly isShortOfRoom: boolean;
  /** When to plan again even if nothing happens; null: only when something does. */
  readonly recheckAtMs: number | null;
}
