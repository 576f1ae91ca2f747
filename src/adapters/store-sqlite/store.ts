import type { DatabaseSync, StatementSync } from "node:sqlite";
import { unreachable } from "../../base/assert.ts";
import type { AccessKeyRecord } from "../../core/access/access-key.ts";
import {
  AUDIT_DONE_MAX,
  AUDIT_REFUSED_MAX,
  type AuditEntry,
  type AuditOutcome,
} from "../../core/access/audit-entry.ts";
import { applyChanges } from "../../core/change/apply.ts";
import type { GroupName, InstanceId, ServiceName } from "../../core/names.ts";
import {
  type Change,
  type DesiredState,
  EVENTS_MAX,
  EVENTS_PER_SERVICE_MAX,
  type EventFacts,
  type GroupRecord,
  type NewEvent,
  type ServiceRecord,
  type ServiceStatus,
  type ServiceVersion,
} from "../../core/service.ts";
import type { AuditQuery, EventQuery, Store } from "../../ports/store.ts";
import { damaged, translateSqliteError } from "./sqlite-error.ts";
import { prepareStatements, type Statements } from "./statements.ts";
import { WriteGroup } from "./write-group.ts";

type EventRow = Omit<NewEvent, "atMs" | "facts"> & { readonly at_ms: number; readonly facts: string | null };

/** The store on one SQLite connection. A commit is a transaction of its own; other writes of one turn of the event loop share one. */
export class SqliteStore implements Store {
  readonly #database: DatabaseSync;
  readonly #file: string;
  readonly #sql: Statements;
  readonly #writes = new WriteGroup((work) => this.#transaction("BEGIN IMMEDIATE", work));
  /**
   * The last state read, or made by a commit of this store: records are immutable, and most reads find the revision unchanged. To read and parse
   * all of it after each commit took 0.2 s with a thousand services.
   */
  #known: { readonly revision: number; readonly state: DesiredState } | null = null;

  /** `database`: open, with the newest layout; closed by {@link close}. `file`: its path, for error texts. */
  constructor(database: DatabaseSync, file: string) {
    this.#database = database;
    this.#file = file;
    this.#sql = prepareStatements(database);
  }

  async readDesired(): Promise<{ readonly revision: number; readonly state: DesiredState }> {
    return this.#transaction("BEGIN", () => {
      const revision = this.#revision();
      if (this.#known?.revision === revision) return this.#known;
      this.#known = { revision, state: this.#readState() };
      return this.#known;
    });
  }

  async commit(revision: number, changes: readonly Change[]): Promise<"committed" | "conflict"> {
    const outcome = this.#transaction("BEGIN IMMEDIATE", () => {
      if (this.#revision() !== revision) return "conflict";
      for (const change of changes) this.#apply(change);
      this.#trimEvents(changes.flatMap((c) => (c.kind === "add-event" ? [c.event] : [])));
      this.#trimAudit(changes.flatMap((c) => (c.kind === "add-audit" ? [c.entry] : [])));
      this.#sql.setRevision.run(revision + 1);
      return "committed";
    });
    if (outcome === "committed" && this.#known?.revision === revision)
      this.#known = { revision: revision + 1, state: applyChanges(this.#known.state, changes) };
    return outcome;
  }

  async getStatus(service: ServiceName): Promise<ServiceStatus | null> {
    const row = this.#read(() => this.#sql.getStatus.get(service));
    return row === undefined ? null : this.#parse(row.record);
  }

  async listStatuses(): Promise<ReadonlyMap<ServiceName, ServiceStatus>> {
    const rows = this.#read(() => this.#sql.listStatuses.all());
    return new Map(rows.map((r) => [r.service as ServiceName, this.#parse<ServiceStatus>(r.record)]));
  }

  async putStatus(service: ServiceName, status: ServiceStatus): Promise<"stored" | "stale"> {
    return await this.#writes.add(() => {
      const { changes } = this.#sql.putStatus.run({
        service,
        generation: status.observedGeneration,
        record: JSON.stringify(status),
      });
      return changes === 0 ? "stale" : "stored";
    });
  }

  async addEvents(events: readonly NewEvent[]): Promise<void> {
    if (events.length === 0) return;
    await this.#writes.add(() => {
      for (const event of events) this.#addEvent(event);
      this.#trimEvents(events);
    });
  }

  async listEvents(
    query: EventQuery,
  ): Promise<{ readonly events: readonly NewEvent[]; readonly total: number }> {
    const { service, fromMs, toMs, type = null, instance = null, offset, limit } = query;
    const filter = { service, fromMs, toMs, type, instance };
    return this.#transaction("BEGIN", () => {
      const { total } = this.#sql.countEvents.get(filter) as { total: number };
      const rows = this.#sql.listEvents.all({ ...filter, offset, limit }) as unknown as EventRow[];
      const events = rows.map(({ at_ms: atMs, facts, ...rest }) => ({
        ...rest,
        atMs,
        ...(facts === null ? {} : { facts: JSON.parse(facts) as EventFacts }),
      }));
      return { events, total };
    });
  }

  async addAudit(entries: readonly AuditEntry[]): Promise<void> {
    if (entries.length === 0) return;
    await this.#writes.add(() => {
      for (const entry of entries) this.#addAudit(entry);
      this.#trimAudit(entries);
    });
  }

  async listAudit(
    query: AuditQuery,
  ): Promise<{ readonly entries: readonly AuditEntry[]; readonly total: number }> {
    const { fromMs, toMs, keyId = null, target = null, operation = null, outcome = null } = query;
    const filter = { fromMs, toMs, keyId, target, operation, outcome };
    const { offset, limit } = query;
    return this.#transaction("BEGIN", () => {
      const { total } = this.#sql.countAudit.get(filter) as { total: number };
      const rows = this.#sql.listAudit.all({ ...filter, offset, limit }) as unknown as AuditEntry[];
      return { entries: rows.map((row) => ({ ...row })), total };
    });
  }

  async getNumber(key: string): Promise<number> {
    return (this.#read(() => this.#sql.getNumber.get(key))?.value as number | undefined) ?? 0;
  }

  async putNumber(key: string, value: number): Promise<void> {
    await this.#writes.add(() => this.#sql.putNumber.run(key, value));
  }

  async close(): Promise<void> {
    if (!this.#database.isOpen) return;
    this.#writes.flush();
    this.#database.close();
  }

  #revision(): number {
    return (this.#sql.getRevision.get() as { value: number }).value;
  }

  #readState(): DesiredState {
    const records = <T>(statement: StatementSync): T[] =>
      statement.all().map((row) => this.#parse<T>(row.record));
    const services = records<ServiceRecord>(this.#sql.listServices);
    const groups = records<GroupRecord>(this.#sql.listGroups);
    const versions = Map.groupBy(records<ServiceVersion>(this.#sql.listVersions), (v) => v.service);
    const accessKeys = records<AccessKeyRecord>(this.#sql.listAccessKeys);
    return {
      services: new Map<ServiceName, ServiceRecord>(services.map((s) => [s.name, s])),
      groups: new Map<GroupName, GroupRecord>(groups.map((g) => [g.name, g])),
      versions,
      accessKeys: new Map(accessKeys.map((k) => [k.id, k])),
    };
  }

  #apply(change: Change): void {
    switch (change.kind) {
      case "put-service":
        this.#sql.putService.run(change.record.name, JSON.stringify(change.record));
        return;
      case "remove-service":
        this.#sql.removeService.run(change.name);
        return;
      case "put-version": {
        const { service, version } = change.version;
        this.#sql.putVersion.run(service, version, JSON.stringify(change.version));
        return;
      }
      case "remove-version":
        this.#sql.removeVersion.run(change.service, change.version);
        return;
      case "put-group":
        this.#sql.putGroup.run(change.record.name, JSON.stringify(change.record));
        return;
      case "remove-group":
        this.#sql.removeGroup.run(change.name);
        return;
      case "put-access-key":
        this.#sql.putAccessKey.run(change.record.id, JSON.stringify(change.record));
        return;
      case "remove-access-key":
        this.#sql.removeAccessKey.run(change.id);
        return;
      case "add-event":
        this.#addEvent(change.event);
        return;
      case "add-audit":
        this.#addAudit(change.entry);
        return;
      default:
        unreachable(change);
    }
  }

  #addEvent(event: NewEvent): void {
    const { service, atMs, type, reason, resource, instance, message } = event;
    const facts = event.facts === undefined ? null : JSON.stringify(event.facts);
    this.#sql.addEvent.run(
      service,
      atMs,
      type,
      reason,
      resource,
      instance as InstanceId | null,
      message,
      facts,
    );
  }

  #trimEvents(added: readonly NewEvent[]): void {
    if (added.length === 0) return;
    for (const service of new Set(added.map((e) => e.service))) {
      this.#sql.trimEventsOfService.run(service, service, EVENTS_PER_SERVICE_MAX);
    }
    this.#sql.trimEvents.run(EVENTS_MAX);
  }

  #addAudit(entry: AuditEntry): void {
    const { atMs, requestId, keyId, keyNote, remoteAddress, operation, target, outcome, code, change } =
      entry;
    this.#sql.addAudit.run(
      atMs,
      requestId,
      keyId,
      keyNote,
      remoteAddress,
      operation,
      target,
      outcome,
      code,
      change,
    );
  }

  #trimAudit(added: readonly AuditEntry[]): void {
    for (const outcome of new Set<AuditOutcome>(added.map((e) => e.outcome))) {
      this.#sql.trimAudit.run({ outcome, kept: outcome === "done" ? AUDIT_DONE_MAX : AUDIT_REFUSED_MAX });
    }
  }

  #parse<T>(record: unknown): T {
    try {
      return JSON.parse(record as string) as T;
    } catch (error) {
      throw damaged(this.#file, "a record is not JSON", error);
    }
  }

  /** Everything that is done here and now comes after the writes that were asked for before it. */
  #read<T>(read: () => T): T {
    this.#writes.flush();
    try {
      return read();
    } catch (error) {
      throw translateSqliteError(error, this.#file);
    }
  }

  /** All of `work` or nothing of it. SQLite may have rolled back on its own, e.g. on a full disk. */
  #transaction<T>(begin: "BEGIN" | "BEGIN IMMEDIATE", work: () => T): T {
    return this.#read(() => {
      this.#database.exec(begin);
      try {
        const result = work();
        this.#database.exec("COMMIT");
        return result;
      } catch (error) {
        if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
        throw error;
      }
    });
  }
}
