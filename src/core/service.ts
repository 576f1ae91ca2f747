import type { AccessKeyRecord } from "./access/access-key.ts";
import type { AuditEntry } from "./access/audit-entry.ts";
import type { LimitsInForce, WorkerMemory } from "./instance-spec.ts";
import type { GroupName, InstanceId, ServiceName } from "./names.ts";
import type { ExitReason, InstanceReason, ServiceReason } from "./reasons.ts";
import type { Revision, RolloutProgress, RolloutRule } from "./rollout.ts";
import type { JsonObject } from "./spec/service-spec.ts";
import type { StageTime } from "./start-stages.ts";
import type { Affinity } from "./traffic/affinity.ts";
import type { MirrorRule } from "./traffic/mirror.ts";

/** Part in a group's traffic, as `ls` shows it. `blue-green`: the group is a pair with fixed percents. */
export type TrafficState = "grouping" | "standalone" | "blue-green";
/** `auto`: by ready instances. `customized`: by weights, blue-green among them (eas-reference §6.3). */
export type TrafficMode = "auto" | "customized";

/** A token that stays valid although a newer one was added. */
export interface OlderToken {
  readonly number: number;
  readonly token: string;
  readonly addedAtMs: number;
}

/** What opens a service or a group; see core/change/tokens.ts. */
export interface TokenHolder {
  /** The newest: the one that is shown. */
  readonly token: string;
  /** Of the newest. The first has 1, each further one the next number, and none is given twice. */
  readonly tokenNumber: number;
  readonly tokenAddedAtMs: number;
  /** Oldest first. */
  readonly olderTokens: readonly OlderToken[];
}

/**
 * What a service is kept from. `dangerous`: nothing that takes it away (delete, stop, scale to 0, delete instances). `all`: no change
 * at all (eas-reference §6.4).
 */
export type SafetyLock = "all" | "dangerous" | "none";

/** What is wanted of one service. Changed only by the commands in core/change, each one generation. */
export interface ServiceRecord extends TokenHolder {
  readonly name: ServiceName;
  /** `eas-m-…` */
  readonly id: string;
  readonly group: GroupName | null;
  /** Grows by one with every accepted change. */
  readonly generation: number;
  readonly desired: "running" | "stopped" | "deleted";
  /** The service.json in force, canonical (ParsedSpec.document), with the instance count of now. */
  readonly document: JsonObject;
  /** Version in force, and the highest ever given. */
  readonly version: number;
  readonly latestVersion: number;
  /** How often `restart` was asked for (see InstanceKey). */
  readonly epoch: number;
  /** Slots of this version and epoch that were deleted by hand and are never used again. */
  readonly retiredSlots: readonly number[];
  readonly trafficState: TrafficState;
  /** Relative weight 0–1000 in mode `customized`; percent 0–100 in blue-green; null in `auto`. */
  readonly weight: number | null;
  /** Who gets copies of its requests. Null, or not there in records of before mirrors were: nobody. */
  readonly mirror?: MirrorRule | null;
  /** How far and how fast updates may go. Null, or not there: at the pace of the spec, all the way. */
  readonly rollout?: RolloutRule | null;
  /** What was in force before the update that goes on. Null, or not there: none goes on. */
  readonly updatingFrom?: Revision | null;
  /** Instances that run on and get no requests, until they are let back; they count as wanted ones. Not there: none. */
  readonly isolated?: readonly InstanceId[];
  /** Instances that were replaced and run on for inspection, without requests, until they are deleted. Not there: none. */
  readonly detached?: readonly InstanceId[];
  /** How often a soft restart was asked for of an instance: its spec says the same once that is done. Not there: never. */
  readonly softRestarts?: Readonly<Record<InstanceId, number>>;
  /** Not there: `none`. */
  readonly lock?: SafetyLock;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** One numbered revision of a service, kept to roll back to. */
export interface ServiceVersion {
  readonly service: ServiceName;
  readonly version: number;
  readonly document: JsonObject;
  readonly createdAtMs: number;
  readonly message: string;
}

/** What is wanted of one group. */
export interface GroupRecord extends TokenHolder {
  readonly name: GroupName;
  readonly mode: TrafficMode;
  readonly labels: Readonly<Record<string, string>>;
  /** Made by CreateGroup, so it stays when its last member goes. */
  readonly isExplicit: boolean;
  /** By what a client is known that stays with its member; absent or null: requests are shared one by one. */
  readonly sticky?: Affinity | null;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** Everything that is wanted, as one value: what a command on it decides from. */
export interface DesiredState {
  readonly services: ReadonlyMap<ServiceName, ServiceRecord>;
  readonly groups: ReadonlyMap<GroupName, GroupRecord>;
  /** Ascending by version number, at most ten each. */
  readonly versions: ReadonlyMap<ServiceName, readonly ServiceVersion[]>;
  /** By id. */
  readonly accessKeys: ReadonlyMap<string, AccessKeyRecord>;
}

/** One atomic set of these is what a command comes down to. */
export type Change =
  | { readonly kind: "put-service"; readonly record: ServiceRecord }
  /** Removes record, status, versions. Its events stay. */
  | { readonly kind: "remove-service"; readonly name: ServiceName }
  | { readonly kind: "put-version"; readonly version: ServiceVersion }
  | { readonly kind: "remove-version"; readonly service: ServiceName; readonly version: number }
  | { readonly kind: "put-group"; readonly record: GroupRecord }
  | { readonly kind: "remove-group"; readonly name: GroupName }
  | { readonly kind: "put-access-key"; readonly record: AccessKeyRecord }
  | { readonly kind: "remove-access-key"; readonly id: string }
  | { readonly kind: "add-event"; readonly event: NewEvent }
  | { readonly kind: "add-audit"; readonly entry: AuditEntry };

/** Events that a store keeps for one service; the oldest go first. */
export const EVENTS_PER_SERVICE_MAX = 1000;
/** Events kept in all, the oldest go first: those of deleted services would add up for ever. */
export const EVENTS_MAX = 100_000;

/** Something that happened to a service, for people (eas-reference §6.7). */
export interface NewEvent {
  readonly service: ServiceName;
  readonly atMs: number;
  readonly type: "Normal" | "Warning";
  /** One word, e.g. `Creating`, `Scaling`, `InstanceCrashed`. */
  readonly reason: string;
  readonly resource: "Service" | "Instance";
  /** The instance it is about, if one. */
  readonly instance: InstanceId | null;
  readonly message: string;
  /** What it was decided from, and from what to what; not there: a command was given, which says all in its message. */
  readonly facts?: EventFacts;
}

/** The inputs of an automatic decision, so that it can be understood later. Every value is short. */
export interface EventFacts {
  /** Phase before and after, of the instance or the service that it is about; null: there was none. */
  readonly from: string | null;
  readonly to: string | null;
  readonly version: number;
  readonly generation: number;
  /** Instances wanted, and those that serve after the decision. */
  readonly wantedCount: number;
  readonly servingCount: number;
  /** Of an instance: failures in a row, and how its last run ended. */
  readonly failuresInARow?: number;
  readonly lastExit?: string;
}

/** Phases of eas-reference §6.8 that this build can be in. */
export type ServicePhase =
  | "Creating"
  | "Waiting"
  | "Running"
  | "Scaling"
  | "Updating"
  | "Starting"
  | "Stopping"
  | "Stopped"
  | "Failed"
  | "Deleting";

/** What is so, as the last reconcile run saw it. */
export interface ServiceStatus {
  /** The generation this status speaks of. */
  readonly observedGeneration: number;
  readonly phase: ServicePhase;
  readonly reason: ServiceReason;
  readonly message: string;
  /** Steps of long work, newest last, for progress lines: e.g. `Downloading http file [43%]`. At most 20. */
  readonly progress: readonly string[];
  readonly instances: readonly InstanceStatus[];
  /** Instances that belong in the route table now, chosen by the planner. */
  readonly serving: readonly InstanceId[];
  /** How far the update has come; null, or not there: none goes on. */
  readonly rollout?: RolloutProgress | null;
  /** What bringing the files and packages of a version took, when they were first brought for it; not there: they never were. */
  readonly prepared?: Prepared;
}

/** The preparation of one version, and epoch of it. */
export interface Prepared {
  readonly version: number;
  readonly epoch: number;
  readonly stages: readonly StageTime[];
}

/** What is so of one instance; `restarts` and `backoffUntilMs` live on only here, so the planner gets them back. */
export interface InstanceStatus {
  readonly id: InstanceId;
  readonly version: number;
  readonly epoch: number;
  readonly slot: number;
  readonly phase: "Pending" | "Creating" | "Running" | "Failed" | "Stopping" | "Stopped";
  readonly isReady: boolean;
  readonly reason: InstanceReason;
  readonly message: string;
  /** How often it was started again since it first was; for people. */
  readonly restarts: number;
  /** Ends since it last was ready for a minute: what the backoff grows by. */
  readonly failuresInARow: number;
  /** Times its engine had to start a processor worker again, in this run of the engine. */
  readonly workerRestarts: number;
  /** Wall clock; when a crashed one is started again. Null when no backoff is running. */
  readonly backoffUntilMs: number | null;
  readonly startedAtMs: number | null;
  /** When it last became ready; kept when it is no longer. Null: never, so nothing speaks for it yet. */
  readonly readySinceMs: number | null;
  /** When it was first left out of the route table for good; null while it serves or may serve. */
  readonly drainingSinceMs: number | null;
  readonly pid: number | null;
  /** TCP port on this host for direct callers. */
  readonly port: number | null;
  /** Address of that port; absent: 127.0.0.1. */
  readonly host?: string;
  /** What holds it to its limits; null, or not there: not known. */
  readonly limits?: LimitsInForce | null;
  /** How long the stages of its start took; null, or not there: it has not been ready since it was started. */
  readonly stages?: readonly StageTime[] | null;
  /** Of its workers; null, or not there: not known. */
  readonly memory?: WorkerMemory | null;
  /** Library and version that its ready-made processor runs with; absent: not known, or none. */
  readonly library?: string;
  readonly lastExit: InstanceExit | null;
  /** It gets no requests, by order. */
  readonly isIsolated?: true;
  /** It was replaced and is kept for inspection, by order. */
  readonly isDetached?: true;
  /** It lives, and a soft restart of it was asked for that has not begun, or is stopping it. */
  readonly isRestartDue?: true;
}

/** How an instance ended. */
export interface InstanceExit {
  /** null when ended by a signal or when nobody saw it. */
  readonly code: number | null;
  readonly signal: string | null;
  readonly reason: ExitReason;
  /** First line of what went wrong, if known. */
  readonly message: string;
  readonly startedAtMs: number | null;
  readonly finishedAtMs: number;
  /** The last that its programs printed, oldest first; absent: not known. */
  readonly lastLines?: readonly string[];
}
