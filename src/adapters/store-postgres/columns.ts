import type { AuditEntry } from "../../core/access/audit-entry.ts";
import type { NewEvent } from "../../core/service.ts";

/** Text that PostgreSQL can hold: any but U+0000. What is read back comes from the record, in JSON; columns are only searched. */
export function column(text: string): string {
  return text.replaceAll("\u0000", "\ufffd");
}

/** One list for each column, as `unnest` takes them. */
export function eventColumns(events: readonly NewEvent[]): unknown[] {
  return [
    events.map((e) => e.service),
    events.map((e) => e.atMs),
    events.map((e) => e.type),
    events.map((e) => e.instance && column(e.instance)),
    events.map((e) => JSON.stringify(e)),
  ];
}

/** The same of audit entries. */
export function auditColumns(entries: readonly AuditEntry[]): unknown[] {
  return [
    entries.map((e) => e.atMs),
    entries.map((e) => column(e.keyId)),
    entries.map((e) => column(e.operation)),
    entries.map((e) => column(e.target)),
    entries.map((e) => e.outcome),
    entries.map((e) => JSON.stringify(e)),
  ];
}
