import { AUDIT_DONE_MAX, AUDIT_REFUSED_MAX, type AuditEntry } from "../core/access/audit-entry.ts";
import { applyChanges } from "../core/change/apply.ts";
import type { ServiceName } from "../core/names.ts";
import {
  type Change,
  type DesiredState,
  EVENTS_PER_SERVICE_MAX,
  type NewEvent,
  type ServiceStatus,
} from "../core/service.ts";
import type { AuditQuery, EventQuery, Store } from "../ports/store.ts";
import { desiredOf } from "./records.ts";

/** A store in memory, which a test can make fail. What it holds outlives the control process that used it. */
export class MemoryStore implements Store {
  state: DesiredState = desiredOf();
  readonly statuses = new Map<ServiceName, ServiceStatus>();
  readonly numbers = new Map<string, number>();
  events: NewEvent[] = [];
  audit: AuditEntry[] = [];
  /** Writes so far; called before each one, and may throw. */
  writeCount = 0;
  onWrite: (count: number) => void = () => {};
  /** How long an answer takes; what it does is done, and what it tells was so, when it was asked. */
  latency: () => Promise<void> = async () => {};
  #revision = 0;

  async readDesired() {
    const answer = { revision: this.#revision, state: this.state };
    await this.latency();
    return answer;
  }

  async commit(revision: number, changes: readonly Change[]): Promise<"committed" | "conflict"> {
    this.#write();
    if (revision !== this.#revision) return "conflict";
    this.#revision += 1;
    this.state = applyChanges(this.state, changes);
    for (const change of changes) {
      if (change.kind === "remove-service") this.statuses.delete(change.name);
      if (change.kind === "add-event") this.#keep([change.event]);
      if (change.kind === "add-audit") this.#keepAudit([change.entry]);
    }
    await this.latency();
    return "committed";
  }

  async getStatus(service: ServiceName) {
    return this.statuses.get(service) ?? null;
  }

  async listStatuses() {
    return new Map(this.statuses);
  }

  async putStatus(service: ServiceName, status: ServiceStatus): Promise<"stored" | "stale"> {
    this.#write();
    const before = this.statuses.get(service);
    if (!this.state.services.has(service)) return "stale";
    if (before !== undefined && before.observedGeneration > status.observedGeneration) return "stale";
    this.statuses.set(service, status); // a value: nobody changes it
    await this.latency();
    return "stored";
  }

  async addEvents(events: readonly NewEvent[]) {
    this.#write();
    this.#keep(events);
    await this.latency();
  }

  async listEvents(query: EventQuery) {
    const found = this.events.filter(
      (e) =>
        e.service === query.service &&
        e.atMs >= query.fromMs &&
        e.atMs <= query.toMs &&
        (query.type === undefined || e.type === query.type) &&
        (query.instance === undefined || e.instance === query.instance),
    );
    const newestFirst = found.toReversed();
    return { events: newestFirst.slice(query.offset, query.offset + query.limit), total: found.length };
  }

  async addAudit(entries: readonly AuditEntry[]) {
    this.#write();
    this.#keepAudit(entries);
    await this.latency();
  }

  async listAudit(query: AuditQuery) {
    const { fromMs, toMs, keyId, target, operation, outcome, offset, limit } = query;
    const found = this.audit.filter(
      (e) =>
        e.atMs >= fromMs &&
        e.atMs <= toMs &&
        (keyId === undefined || e.keyId === keyId) &&
        (target === undefined || e.target === target) &&
        (operation === undefined || e.operation === operation) &&
        (outcome === undefined || e.outcome === outcome),
    );
    return { entries: found.toReversed().slice(offset, offset + limit), total: found.length };
  }

  async getNumber(key: string) {
    return this.numbers.get(key) ?? 0;
  }

  async putNumber(key: string, value: number) {
    this.#write();
    this.numbers.set(key, value);
    await this.latency();
  }

  async close() {}

  #keep(events: readonly NewEvent[]): void {
    this.events.push(...events);
    for (const service of new Set(events.map((e) => e.service))) {
      const surplus = this.events.filter((e) => e.service === service).slice(0, -EVENTS_PER_SERVICE_MAX);
      if (surplus.length > 0) this.events = this.events.filter((e) => !surplus.includes(e));
    }
  }

  #keepAudit(entries: readonly AuditEntry[]): void {
    this.audit.push(...entries);
    for (const [outcome, kept] of [
      ["done", AUDIT_DONE_MAX],
      ["refused", AUDIT_REFUSED_MAX],
    ] as const) {
      const surplus = new Set(this.audit.filter((e) => e.outcome === outcome).slice(0, -kept));
      if (surplus.size > 0) this.audit = this.audit.filter((e) => !surplus.has(e));
    }
  }

  #write(): void {
    this.writeCount += 1;
    this.onWrite(this.writeCount);
  }
}
