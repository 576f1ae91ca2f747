import type { DatabaseSync } from "node:sqlite";

/** One step from an older layout to the next; its number is its place here, from 1. Never edited once released. */
interface Migration {
  readonly purpose: string;
  readonly statements: readonly string[];
}

const MIGRATIONS: readonly Migration[] = [
  {
    purpose: "what is wanted, and the revision it stands at",
    statements: [
      "CREATE TABLE revision (id INTEGER PRIMARY KEY CHECK (id = 1), value INTEGER NOT NULL) STRICT",
      "INSERT INTO revision (id, value) VALUES (1, 0)",
      "CREATE TABLE service (name TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT, WITHOUT ROWID",
      "CREATE TABLE service_group (name TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT, WITHOUT ROWID",
      // Deferred: within one commit a version may come before its service.
      `CREATE TABLE service_version (
        service TEXT NOT NULL REFERENCES service (name) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
        version INTEGER NOT NULL,
        record TEXT NOT NULL,
        PRIMARY KEY (service, version)
      ) STRICT, WITHOUT ROWID`,
    ],
  },
  {
    purpose: "what is so",
    statements: [
      `CREATE TABLE service_status (
        service TEXT PRIMARY KEY REFERENCES service (name) ON DELETE CASCADE,
        generation INTEGER NOT NULL,
        record TEXT NOT NULL
      ) STRICT, WITHOUT ROWID`,
    ],
  },
  {
    purpose: "events; they outlive their service",
    statements: [
      `CREATE TABLE event (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        service TEXT NOT NULL,
        at_ms INTEGER NOT NULL,
        type TEXT NOT NULL,
        reason TEXT NOT NULL,
        resource TEXT NOT NULL,
        instance TEXT,
        message TEXT NOT NULL
      ) STRICT`,
      "CREATE INDEX event_of_service ON event (service, id)",
    ],
  },
  {
    purpose: "small durable numbers",
    statements: ["CREATE TABLE number (key TEXT PRIMARY KEY, value REAL NOT NULL) STRICT, WITHOUT ROWID"],
  },
  {
    purpose: "tokens have numbers, and older ones may stay valid",
    statements: ["service", "service_group"].map(
      (table) =>
        `UPDATE ${table} SET record = json_set(record, '$.tokenNumber', 1,
          '$.tokenAddedAtMs', json_extract(record, '$.createdAtMs'), '$.olderTokens', json('[]'))`,
    ),
  },
  {
    purpose: "events know what they were decided from; null: a command",
    statements: ["ALTER TABLE event ADD COLUMN facts TEXT"],
  },
  {
    purpose: "access keys",
    statements: ["CREATE TABLE access_key (id TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT, WITHOUT ROWID"],
  },
  {
    purpose: "who changed what",
    statements: [
      `CREATE TABLE audit (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at_ms INTEGER NOT NULL,
        request_id TEXT NOT NULL,
        key_id TEXT NOT NULL,
        key_note TEXT NOT NULL,
        remote_address TEXT NOT NULL,
        operation TEXT NOT NULL,
        target TEXT NOT NULL,
        outcome TEXT NOT NULL,
        code TEXT,
        change TEXT NOT NULL
      ) STRICT`,
      "CREATE INDEX audit_by_outcome ON audit (outcome, id)",
    ],
  },
];

/**
 * Brings the layout up to this program's, one transaction a step, so that a crash between two of them is harmless.
 * @throws Error when the file was written by a newer Sluice
 */
export function migrate(database: DatabaseSync): void {
  const { user_version: found } = database.prepare("PRAGMA user_version").get() as { user_version: number };
  if (found > MIGRATIONS.length) {
    throw new Error(
      `it has layout ${found}, and this Sluice knows ${MIGRATIONS.length}: it was written by a newer one; use that`,
    );
  }
  for (const [index, migration] of MIGRATIONS.entries()) {
    if (index < found) continue;
    database.exec("BEGIN IMMEDIATE");
    try {
      for (const statement of migration.statements) database.exec(statement);
      database.exec(`PRAGMA user_version = ${index + 1}`);
      database.exec("COMMIT");
    } catch (error) {
      if (database.isTransaction) database.exec("ROLLBACK");
      throw error;
    }
  }
}
