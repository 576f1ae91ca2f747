import type { AuditEntry, AuditOutcome } from "../core/access/audit-entry.ts";
import type { ServiceName } from "../core/names.ts";
import type { Change, DesiredState, NewEvent, ServiceStatus } from "../core/service.ts";

/** What is kept, durably. Every write that resolved survives the death of process and machine. */
export interface Store {
  /** All that is wanted, with the revision it stands at. */
  readDesired(): Promise<{ readonly revision: number; readonly state: DesiredState }>;
  /**
   * Makes all changes or none. `conflict` when the revision has moved on: read and decide again.
   * @throws ServingError STORE_FULL when the disk is full; nothing was changed then.
   */
  commit(revision: number, changes: readonly Change[]): Promise<"committed" | "conflict">;

  getStatus(service: ServiceName): Promise<ServiceStatus | null>;
  listStatuses(): Promise<ReadonlyMap<ServiceName, ServiceStatus>>;
  /** Ignored (`stale`) when the service is gone, or a status of a later generation stands there. */
  putStatus(service: ServiceName, status: ServiceStatus): Promise<"stored" | "stale">;

  addEvents(events: readonly NewEvent[]): Promise<void>;
  /** Newest first. At most 1000 are kept for each service. */
  listEvents(query: EventQuery): Promise<{ readonly events: readonly NewEvent[]; readonly total: number }>;

  /**
   * Entries about what is no change of what is wanted; those about one go with it, as `add-audit`. The newest AUDIT_DONE_MAX are kept of
   * what was done, and the newest AUDIT_REFUSED_MAX of what was refused (core/access/audit-entry.ts).
   */
  addAudit(entries: readonly AuditEntry[]): Promise<void>;
  /** Newest first: the one that was added last, whatever the clock said. */
  listAudit(query: AuditQuery): Promise<{ readonly entries: readonly AuditEntry[]; readonly total: number }>;

  /** Small durable numbers, e.g. the last route table number. 0 when never put. */
  getNumber(key: string): Promise<number>;
  putNumber(key: string, value: number): Promise<void>;

  close(): Promise<void>;
}

export interface EventQuery {
  readonly service: ServiceName;
  readonly fromMs: number;
  readonly toMs: number;
  readonly type?: "Normal" | "Warning";
  readonly instance?: string;
  readonly offset: number;
  readonly limit: number;
}

/** Both ends of the time count; what is left out does not filter. */
export interface AuditQuery {
  readonly fromMs: number;
  readonly toMs: number;
  readonly keyId?: string;
  readonly target?: string;
  readonly operation?: string;
  readonly outcome?: AuditOutcome;
  readonly offset: number;
  readonly limit: number;
}
