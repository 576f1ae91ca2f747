import type { AccessKeyRecord, KeptSecret } from "../core/access/access-key.ts";
import type { AuditEntry } from "../core/access/audit-entry.ts";
import type { Actor } from "../core/access/caller.ts";
import type { AccessKeyOrder } from "../core/change/access-keys.ts";
import type { Additions } from "../core/change/additions.ts";
import type { LabelRequest } from "../core/change/labels.ts";
import type { MirrorRequest } from "../core/change/mirror.ts";
import type { UpdatePreview } from "../core/change/preview.ts";
import type { Backup, RestoreReport } from "../core/change/restore.ts";
import type { RolloutRequest } from "../core/change/rollout.ts";
import type { InstanceOrders } from "../core/change/update-instance.ts";
import type { ValidateRequest, Validation } from "../core/change/validate.ts";
import type { Explanation, Finding } from "../core/explain/finding.ts";
import type { MirrorSample, ServiceSample, TlsState } from "../core/gateway-report.ts";
import type { InstanceWork } from "../core/instance-work.ts";
import type { GroupName, InstanceId, ServiceName } from "../core/names.ts";
import type { NodeKind } from "../core/node-kind.ts";
import type {
  DesiredState,
  GroupRecord,
  NewEvent,
  SafetyLock,
  ServiceRecord,
  ServiceStatus,
  TrafficMode,
  TrafficState,
} from "../core/service.ts";
import type { NotEffectiveField } from "../core/spec/standings.ts";
import type { Affinity } from "../core/traffic/affinity.ts";
import type { Share } from "../core/traffic/allocate.ts";
import type { MirrorDifference } from "../core/traffic/mirror.ts";
import type { LogOptions } from "../ports/runtime.ts";
import type { AuditQuery, EventQuery } from "../ports/store.ts";
import type { CachedFiles } from "./cached-files.ts";
import type { EnvironmentOrder, Environments } from "./environments.ts";
import type { MirrorTotals } from "./mirror-totals.ts";
import type { ReadinessCheck } from "./readiness.ts";
import type { Existing, ServiceTotals, TrafficTotals } from "./traffic-totals.ts";
import type { Runnable } from "./version-check.ts";

/**
 * What the API can ask of the control process. Commands decide by the pure functions of core/change, commit
 * atomically, wake the loops, and resolve before the work is done: the status tells how it goes on.
 * Every command throws ServingError for a refusal, and then has changed nothing.
 */
export interface ControlPlane {
  /**
   * The same as one caller may see and use it: reads leave out what its restriction does not name, and secrets for a viewer; commands are
   * refused for what is outside, and leave an audit entry with the change. Without it nothing is left out, and nobody is named.
   */
  as(actor: Actor): ControlPlane;

  /** All keys but the installation's own; the same map as long as none of them changed. */
  accessKeys(): Promise<ReadonlyMap<string, AccessKeyRecord>>;
  createAccessKey(order: AccessKeyOrder): Promise<AccessKeyRecord>;
  rotateAccessKey(id: string, secret: KeptSecret, graceMs: number): Promise<AccessKeyRecord>;
  deleteAccessKey(id: string): Promise<void>;
  /** Notes what was not a change of what is wanted, such as a refusal. */
  addAudit(entries: readonly AuditEntry[]): Promise<void>;
  audit(query: AuditQuery): Promise<{ readonly entries: readonly AuditEntry[]; readonly total: number }>;

  createService(document: unknown, additions?: Additions): Promise<Accepted>;
  /** A new service as `source` is, but for what the part of a service.json says. */
  cloneService(source: ServiceName, document: unknown, additions: Additions): Promise<Accepted>;
  updateService(name: ServiceName, document: unknown, mode: "merge" | "replace"): Promise<Accepted>;
  deleteService(name: ServiceName): Promise<ServiceRecord>;
  startService(name: ServiceName): Promise<ServiceRecord>;
  stopService(name: ServiceName): Promise<ServiceRecord>;
  /** Replaces every instance, make before break, without a new version. */
  restartService(name: ServiceName): Promise<ServiceRecord>;
  /** `instancesToDelete` are the first to go when the count shrinks. */
  scaleService(
    name: ServiceName,
    count: number,
    instancesToDelete: readonly InstanceId[],
  ): Promise<ServiceRecord>;
  releaseService(name: ServiceName, release: Release): Promise<ServiceRecord>;
  changeLabels(request: LabelRequest): Promise<ServiceRecord>;
  createMirror(request: MirrorRequest): Promise<ServiceRecord>;
  updateMirror(request: MirrorRequest): Promise<ServiceRecord>;
  deleteMirror(name: ServiceName): Promise<ServiceRecord>;
  /** What `updateService` would do; nothing is changed. */
  /**
   * What create or update would say to a document, and what would become of each of its fields; nothing is changed.
   * @throws ServingError SERVICE_NOT_FOUND, SERVICE_DELETING
   */
  validate(request: ValidateRequest): Promise<DocumentReport>;
  previewUpdate(name: ServiceName, document: unknown, mode: "merge" | "replace"): Promise<UpdatePreview>;
  switchVersion(name: ServiceName, version: number): Promise<ServiceRecord>;
  /** Whether each kept version could be run now, by number. */
  runnableVersions(name: ServiceName): Promise<ReadonlyMap<number, Runnable>>;
  createRollout(request: RolloutRequest): Promise<ServiceRecord>;
  updateRollout(request: RolloutRequest): Promise<ServiceRecord>;
  deleteRollout(name: ServiceName): Promise<ServiceRecord>;
  /** What the model cache holds, the newest used first, and who refers to it. */
  cachedFiles(): Promise<CachedFiles>;
  /** Refused with CONTENT_NOT_FOUND, and with CONTENT_IN_USE. */
  deleteCachedFile(id: string): Promise<void>;
  listEnvironments(): Promise<Environments>;
  /** Begins to make an environment when it is not there; resolves to its address. Refused with INVALID_SPEC. */
  buildEnvironment(order: EnvironmentOrder): Promise<string>;
  /** Ends its making, or removes it. Refused with ENVIRONMENT_NOT_FOUND, and with ENVIRONMENT_IN_USE. */
  deleteEnvironment(address: string): Promise<void>;
  /** Brings what is wanted back to a backup; `isPlan`: only tells what would become of what. Refused with RESTORE_REFUSED. */
  restoreBackup(backup: Backup, isPlan: boolean): Promise<RestoreReport>;
  /** They are drained and replaced by new ones under new slots. */
  deleteInstances(name: ServiceName, instances: readonly InstanceId[]): Promise<ServiceRecord>;
  /** Their processors start again under the same names, after their requests are over, one at a time of those that serve. */
  softRestart(name: ServiceName, instances: readonly InstanceId[]): Promise<ServiceRecord>;
  /** Isolates an instance, lets it back, or detaches it. */
  updateInstance(name: ServiceName, instance: InstanceId, orders: InstanceOrders): Promise<ServiceRecord>;
  setSafetyLock(name: ServiceName, lock: SafetyLock): Promise<ServiceRecord>;

  createGroup(name: GroupName, labels: Readonly<Record<string, string>>): Promise<GroupRecord>;
  updateGroup(name: GroupName, update: GroupUpdate): Promise<GroupRecord>;
  /** Refused with GROUP_NOT_EMPTY unless `isCascading`, which deletes the members too. */
  deleteGroup(name: GroupName, isCascading: boolean): Promise<void>;

  /** A new token, valid at once; the ones before stay valid until they are revoked, each by its number. */
  addServiceToken(name: ServiceName): Promise<ServiceRecord>;
  revokeServiceToken(name: ServiceName, number: number): Promise<ServiceRecord>;
  addGroupToken(name: GroupName): Promise<GroupRecord>;
  revokeGroupToken(name: GroupName, number: number): Promise<GroupRecord>;

  /** Why a service is as it is and what it waits for, in words; see core/explain. */
  explainService(name: ServiceName): Promise<Explanation>;
  explainInstance(name: ServiceName, instance: InstanceId): Promise<Finding>;

  /** The node that instances run on; null: what it has is not known. */
  node(): NodeKind | null;
  /** All that is wanted and all that is so, read together. */
  read(): Promise<Picture>;
  events(query: EventQuery): Promise<{ readonly events: readonly NewEvent[]; readonly total: number }>;
  logs(instance: InstanceId, options: LogOptions, signal: AbortSignal): AsyncIterable<string>;
  /** Every loop of the control process: what it did last, why, and when it runs next. */
  loops(): readonly LoopReport[];
  /** Whether it can do its work now, check by check; every check says how it is. */
  readiness(): Promise<readonly ReadinessCheck[]>;
  /** Traffic of the last seconds, all gateways together, oldest first; at most 300 s are kept. */
  traffic(seconds: number): readonly TrafficSecond[];
  /** What became of the copies of a service's requests since this process began or its mirror was created, by target. */
  mirrorCounts(name: ServiceName): readonly MirrorSample[];
  /** The newest pairs of answers that differ, newest first; kept in memory only, and only where the mirror asks for samples. */
  mirrorDifferences(name: ServiceName): readonly MirrorDifference[];
  /** All that gateways reported in the life of this process, and what is in flight now. */
  measured(): Measured;
  /** What the workers of instances have done since their engines started. */
  work(): Promise<readonly InstanceWork[]>;
  /** What each gateway is at. */
  gateways(): readonly GatewayReport[];
  /** Replaces every gateway worker, make before break; resolves when that is noted. */
  restartGateways(): Promise<void>;
}

/** What would come of a document. */
export interface DocumentReport extends Validation {
  /** What an update would do; null: it is refused, or the document is for a service of its own. */
  readonly preview: UpdatePreview | null;
}

export interface Accepted {
  readonly record: ServiceRecord;
  /** Known fields that do nothing here, and why. */
  readonly notEffective: readonly NotEffectiveField[];
}

export type Release =
  | { readonly kind: "state"; readonly trafficState: Exclude<TrafficState, "blue-green"> }
  /** Percent in a pair (blue-green), relative weight in any other group; −1 goes back to mode `auto`. */
  | { readonly kind: "weight"; readonly weight: number };

export interface GroupUpdate {
  readonly mode?: TrafficMode;
  readonly labels?: Readonly<Record<string, string>>;
  /** By what clients that stay with their member are known; null: they do not. */
  readonly sticky?: Affinity | null;
}

export interface Picture {
  readonly state: DesiredState;
  readonly statuses: ReadonlyMap<ServiceName, ServiceStatus>;
  /** Whole percents by group, of the members that get traffic now (core/traffic/allocate.ts). */
  readonly shares: ReadonlyMap<GroupName, readonly Share[]>;
}

export interface LoopReport {
  readonly name: string;
  readonly purpose: string;
  readonly lastCause: string | null;
  readonly lastResult: string | null;
  readonly lastRunAtMs: number | null;
  /** Null: a run goes on. */
  readonly nextDueInMs: number | null;
  readonly overdueMs: number;
  readonly runningMs: number | null;
}

export interface TrafficSecond {
  readonly atMs: number;
  readonly samples: readonly ServiceSample[];
  /** What became of copies in that second, by service and target. */
  readonly mirrors: readonly MirrorSample[];
}

export interface Measured {
  readonly totals: {
    readonly services: ReadonlyMap<ServiceName, ServiceTotals>;
    readonly gateways: TrafficTotals["gateways"];
    readonly mirrors: Pick<MirrorTotals, "all">;
  };
  /** Lets go of what is there no more (traffic-totals.ts). */
  forgetGone(there: Existing, nowMs: number): void;
  /** Requests in work by service and instance, all gateways together; only those above 0. */
  inFlight(): ReadonlyMap<ServiceName, ReadonlyMap<InstanceId, number>>;
}

export interface GatewayReport {
  readonly id: string;
  readonly pid: number | null;
  readonly isListening: boolean;
  readonly tableNumber: number;
  readonly connections: number;
  /** Connections and requests that its own limits met, by limit. */
  readonly limits: Readonly<Record<string, number>>;
  /** The newest table that it did not take; null: it has what it was sent. */
  readonly refusal: { readonly tableNumber: number; readonly reason: string } | null;
  /** Null: it speaks no TLS. */
  readonly tls: TlsState | null;
}
