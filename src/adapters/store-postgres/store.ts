import type pg from "pg";
import { unreachable } from "../../base/assert.ts";
import type { AccessKeyRecord } from "../../core/access/access-key.ts";
import { AUDIT_DONE_MAX, AUDIT_REFUSED_MAX, type AuditEntry } from "../../core/access/audit-entry.ts";
import { applyChanges } from "../../core/change/apply.ts";
import { ServingError } from "../../core/errors.ts";
import type { ServiceName } from "../../core/names.ts";
import {
  type Change,
  type DesiredState,
  EVENTS_MAX,
  EVENTS_PER_SERVICE_MAX,
  type GroupRecord,
  type NewEvent,
  type ServiceRecord,
  type ServiceStatus,
  type ServiceVersion,
} from "../../core/service.ts";
import type { AuditQuery, EventQuery, Store } from "../../ports/store.ts";
import { auditColumns, column, eventColumns } from "./columns.ts";
import { isConnectionLoss, isForeignKeyError, isLostRace } from "./postgres-error.ts";
import type { Sessions } from "./sessions.ts";
import { begin, end, SQL } from "./statements.ts";

type Client = pg.ClientBase;
interface Written {
  readonly fenced: number;
  readonly written: number;
}

export interface PostgresStoreOptions {
  /** Of a database with the newest layout; closed with the store. */
  readonly sessions: Sessions;
  /** The address for people. */
  readonly place: string;
  /** Every write is refused once the database has another term: somebody else leads. */
  readonly term: number;
  /**
   * The answer to a commit was lost, and nobody knows whether it is done: what this process holds in memory may not be what is wanted. Whoever
   * leads has to begin anew.
   */
  readonly onDoubt: (cause: unknown) => void;
}

/**
 * The store in a PostgreSQL database. Commits take turns by the one row of the revision, so READ COMMITTED is enough: each decides on that row
 * when it holds it, and nothing else is decided here. Reads of several tables are one statement, which sees one moment.
 */
export class PostgresStore implements Store {
  readonly #options: PostgresStoreOptions;
  readonly #sessions: Sessions;
  /** The last state read or committed: records are immutable, and most reads find the revision unchanged. */
  #known: { readonly revision: number; readonly state: DesiredState } | null = null;

  constructor(options: PostgresStoreOptions) {
    this.#options = options;
    this.#sessions = options.sessions;
  }

  async readDesired(): Promise<{ readonly revision: number; readonly state: DesiredState }> {
    return this.#sessions.use(async (client) => {
      const known = this.#known;
      if (known !== null) {
        const { rows } = await client.query<{ value: string }>(SQL.getRevision);
        if (Number(rows[0]!.value) === known.revision) return known;
      }
      const { rows } = await client.query<DesiredRow>(SQL.readDesired);
      const read = desiredFrom(rows, (text) => this.#parse(text));
      this.#learn(read.revision, read.state);
      return read;
    });
  }

  async commit(revision: number, changes: readonly Change[]): Promise<"committed" | "conflict"> {
    const known = this.#known;
    try {
      const result = await this.#sessions.use((client) => this.#commit(client, revision, changes));
      if (result === "committed" && known?.revision === revision)
        this.#learn(revision + 1, applyChanges(known.state, changes));
      return result;
    } catch (error) {
      if (isLostRace(error) || isLostRace((error as Error).cause)) return "conflict";
      throw error;
    }
  }

  async #commit(
    client: Client,
    revision: number,
    changes: readonly Change[],
  ): Promise<"committed" | "conflict"> {
    const begun = (await client.query(begin(this.#options.term))) as unknown as pg.QueryResult[];
    const found = begun.at(-1)!.rows[0] as { term: string; value: string } | undefined;
    if (found === undefined || Number(found.value) !== revision) {
      await client.query("ROLLBACK");
      if (found === undefined) throw notLeader();
      return "conflict";
    }
    for (const change of changes) await apply(client, change);
    const events = changes.flatMap((c) => (c.kind === "add-event" ? [c.event] : []));
    const entries = changes.flatMap((c) => (c.kind === "add-audit" ? [c.entry] : []));
    if (events.length > 0) {
      await client.query(SQL.addEventsOfCommit, eventColumns(events));
      await trimEvents(client, events);
    }
    if (entries.length > 0) {
      await client.query(SQL.addAuditOfCommit, auditColumns(entries));
      await trimAudit(client, entries);
    }
    try {
      await client.query(end(revision + 1));
    } catch (error) {
      if (isConnectionLoss(error)) this.#options.onDoubt(error);
      throw error;
    }
    return "committed";
  }

  async getStatus(service: ServiceName): Promise<ServiceStatus | null> {
    const { rows } = await this.#query<{ record: string }>(SQL.getStatus, [service]);
    return rows[0] === undefined ? null : this.#parse(rows[0].record);
  }

  async listStatuses(): Promise<ReadonlyMap<ServiceName, ServiceStatus>> {
    const { rows } = await this.#query<{ service: ServiceName; record: string }>(SQL.listStatuses, []);
    return new Map(rows.map((r) => [r.service, this.#parse<ServiceStatus>(r.record)]));
  }

  async putStatus(service: ServiceName, status: ServiceStatus): Promise<"stored" | "stale"> {
    const values = [service, status.observedGeneration, JSON.stringify(status)];
    try {
      return (await this.#write(SQL.putStatus, values)) === 0 ? "stale" : "stored";
    } catch (error) {
      if (isForeignKeyError(error)) return "stale"; // the service went while this was written
      throw error;
    }
  }

  async addEvents(events: readonly NewEvent[]): Promise<void> {
    if (events.length === 0) return;
    await this.#write(SQL.addEvents, eventColumns(events), (client) => trimEvents(client, events));
  }

  async listEvents(
    query: EventQuery,
  ): Promise<{ readonly events: readonly NewEvent[]; readonly total: number }> {
    const { service, fromMs, toMs, type = null, instance = null, offset, limit } = query;
    const filter = [service, fromMs, toMs, type, instance && column(instance)];
    const { found, total } = await this.#page<NewEvent>(
      SQL.listEvents,
      SQL.countEvents,
      filter,
      offset,
      limit,
    );
    return { events: found, total };
  }

  async addAudit(entries: readonly AuditEntry[]): Promise<void> {
    if (entries.length === 0) return;
    await this.#write(SQL.addAudit, auditColumns(entries), (client) => trimAudit(client, entries));
  }

  async listAudit(
    query: AuditQuery,
  ): Promise<{ readonly entries: readonly AuditEntry[]; readonly total: number }> {
    const { fromMs, toMs, keyId = null, target = null, operation = null, outcome = null } = query;
    const filter = [fromMs, toMs, keyId && column(keyId), target && column(target), operation, outcome];
    const { offset, limit } = query;
    const { found, total } = await this.#page<AuditEntry>(
      SQL.listAudit,
      SQL.countAudit,
      filter,
      offset,
      limit,
    );
    return { entries: found, total };
  }

  async getNumber(key: string): Promise<number> {
    return (await this.#query<{ value: number }>(SQL.getNumber, [key])).rows[0]?.value ?? 0;
  }

  async putNumber(key: string, value: number): Promise<void> {
    await this.#write(SQL.putNumber, [key, value]);
  }

  close(): Promise<void> {
    return this.#sessions.close();
  }

  /** Ends it at once: this process leads no longer. Whoever waits for an answer has an error. */
  abandon(): void {
    this.#sessions.abandon();
  }

  /** Answers may overtake each other; the highest revision is the newest. */
  #learn(revision: number, state: DesiredState): void {
    if (this.#known === null || revision >= this.#known.revision) this.#known = { revision, state };
  }

  #query<R extends pg.QueryResultRow>(text: string, values: unknown[]): Promise<pg.QueryResult<R>> {
    return this.#sessions.use((client) => client.query<R>(text, values));
  }

  /** Rows written; `after` is done in the same session. */
  async #write(
    text: string,
    values: unknown[],
    after: (client: Client) => Promise<unknown> = async () => {},
  ): Promise<number> {
    const { fenced, written } = await this.#sessions.use(async (client) => {
      const result = await client.query<Written>(text, [this.#options.term, ...values]);
      if (result.rows[0]!.fenced > 0) await after(client);
      return result.rows[0]!;
    });
    if (fenced === 0) throw notLeader();
    return written;
  }

  async #page<T>(list: string, count: string, filter: unknown[], offset: number, limit: number) {
    return this.#sessions.use(async (client) => {
      const { rows } = await client.query<{ record: string; total: number }>(list, [
        ...filter,
        limit,
        offset,
      ]);
      // A page behind the last one, or of nothing, has no row to tell how many there are.
      const total = rows[0]?.total ?? (await client.query<{ total: number }>(count, filter)).rows[0]!.total;
      return { found: rows.map((r) => this.#parse<T>(r.record)), total };
    });
  }

  #parse<T>(record: string): T {
    try {
      return JSON.parse(record) as T;
    } catch (error) {
      throw new Error(`the database ${this.#options.place} is damaged: a record is not JSON`, {
        cause: error,
      });
    }
  }
}

const notLeader = () => new ServingError("NOT_LEADER", { leader: null });

interface DesiredRow {
  readonly kind: "revision" | "service" | "group" | "access-key" | "version";
  readonly record: string;
}

function desiredFrom(rows: readonly DesiredRow[], parse: <T>(text: string) => T) {
  const of = Map.groupBy(rows, (row) => row.kind);
  const records = <T>(kind: DesiredRow["kind"]): T[] =>
    (of.get(kind) ?? []).map(({ record }) => parse<T>(record));
  const state: DesiredState = {
    services: new Map(records<ServiceRecord>("service").map((s) => [s.name, s])),
    groups: new Map(records<GroupRecord>("group").map((g) => [g.name, g])),
    versions: Map.groupBy(records<ServiceVersion>("version"), (v) => v.service),
    accessKeys: new Map(records<AccessKeyRecord>("access-key").map((k) => [k.id, k])),
  };
  return { revision: records<number>("revision")[0]!, state };
}

async function apply(client: Client, change: Change): Promise<void> {
  switch (change.kind) {
    case "put-service":
      await client.query(SQL.putService, [change.record.name, JSON.stringify(change.record)]);
      return;
    case "remove-service":
      await client.query(SQL.removeService, [change.name]);
      return;
    case "put-version": {
      const { service, version } = change.version;
      await client.query(SQL.putVersion, [service, version, JSON.stringify(change.version)]);
      return;
    }
    case "remove-version":
      await client.query(SQL.removeVersion, [change.service, change.version]);
      return;
    case "put-group":
      await client.query(SQL.putGroup, [change.record.name, JSON.stringify(change.record)]);
      return;
    case "remove-group":
      await client.query(SQL.removeGroup, [change.name]);
      return;
    case "put-access-key":
      await client.query(SQL.putAccessKey, [change.record.id, JSON.stringify(change.record)]);
      return;
    case "remove-access-key":
      await client.query(SQL.removeAccessKey, [change.id]);
      return;
    case "add-event":
    case "add-audit":
      return; // added together, in their order
    default:
      unreachable(change);
  }
}

async function trimEvents(client: Client, added: readonly NewEvent[]): Promise<void> {
  const services = [...new Set(added.map((e) => e.service))];
  await client.query(SQL.trimEventsOfServices, [services, EVENTS_PER_SERVICE_MAX]);
  await client.query(SQL.trimEvents, [EVENTS_MAX]);
}

async function trimAudit(client: Client, added: readonly AuditEntry[]): Promise<void> {
  for (const outcome of new Set(added.map((e) => e.outcome)))
    await client.query(SQL.trimAudit, [outcome, outcome === "done" ? AUDIT_DONE_MAX : AUDIT_REFUSED_MAX]);
}
