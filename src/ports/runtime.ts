import type { AccessRules, InstanceSpec, InstanceState, LimitsInForce } from "../core/instance-spec.ts";
import type { InstanceWork } from "../core/instance-work.ts";
import type { InstanceId, ServiceName } from "../core/names.ts";
import type { InstanceExit } from "../core/service.ts";
import type { Address } from "../core/traffic/route-table.ts";

/** One way to run instances. It never decides and never retries; the reconciler does both. */
export interface RuntimeDriver {
  readonly kind: "process" | "docker" | "kubernetes";
  /** Idempotent by `spec.id`. Resolves once launched; readiness is read from `list`. An exited one is started anew. */
  start(spec: InstanceSpec, signal: AbortSignal): Promise<void>;
  /**
   * Idempotent. Gives it other rules for direct callers while it lives. Resolves once `list` tells them in its spec; the
   * instance goes by them within a second. Nothing happens to one that is not there.
   */
  setAccess(id: InstanceId, access: AccessRules, signal: AbortSignal): Promise<void>;
  /**
   * Idempotent. Asks it to drain and end; kills it and all its children when `graceMs` is over.
   * Resolves once it is gone and `list` no longer names it.
   */
  stop(id: InstanceId, graceMs: number, signal: AbortSignal): Promise<void>;
  /** All of ours that exist, also after our own restart. The only source of truth. */
  list(owner?: ServiceName): Promise<readonly InstanceReport[]>;
  /** What the workers of its instances have done, some seconds old; none of those that have done nothing. */
  work(): Promise<readonly InstanceWork[]>;
  /** Says that `list` may have changed. A hint may repeat, or be lost. */
  hints(signal: AbortSignal): AsyncIterable<InstanceId>;
  /** Newest `lines` lines, oldest first; of the run before the last start when `isPrevious`. */
  logs(id: InstanceId, options: LogOptions, signal: AbortSignal): AsyncIterable<string>;
}

export interface LogOptions {
  /** Lines from the end to begin with. */
  readonly lines: number;
  /** Goes on with new lines until the signal. */
  readonly isFollowing: boolean;
  /** When the signal comes, what was written before it is still handed out. */
  readonly isReadToEnd?: true;
}

/** One instance as it is. */
export interface InstanceReport {
  readonly spec: InstanceSpec;
  readonly isAlive: boolean;
  readonly pid: number | null;
  readonly startedAtMs: number | null;
  /** What the engine last said of itself; null before its first word. Meaningless when not alive. */
  readonly state: InstanceState | null;
  /** Where gateways reach it; only of use when it is alive and ready. */
  readonly address: Address;
  /** Set when it is not alive; of one that has failed and has not ended yet, what it says itself, if it does. */
  readonly exit: InstanceExit | null;
  /** What holds it to its limits since its last start; null or absent: not known. */
  readonly limits?: LimitsInForce | null;
}
