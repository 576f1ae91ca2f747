import type pg from "pg";

/** Of advisory locks: this number says that they are Sluice's, the second one which. They hold within one database. */
export const LOCK_CLASS = 1_399_616_867;
export const LOCKS = { layout: 1, leader: 2, standby: 3 } as const;

/** One step from an older layout to the next; its number is its place here, from 1. Never edited once released. */
interface Migration {
  readonly purpose: string;
  readonly statements: readonly string[];
}

/**
 * What stands before all layouts, so that those who wait need not change the layout under the one who leads. Never changed.
 * The beat has a row of its own: writers hold the row of the term, and beats must not wait for them.
 */
const FOUNDATION = `
  CREATE SCHEMA IF NOT EXISTS sluice;
  CREATE TABLE IF NOT EXISTS sluice.layout (id int PRIMARY KEY CHECK (id = 1), number int NOT NULL);
  INSERT INTO sluice.layout VALUES (1, 0) ON CONFLICT DO NOTHING;
  CREATE TABLE IF NOT EXISTS sluice.leadership (
    id int PRIMARY KEY CHECK (id = 1), term bigint NOT NULL, place text NOT NULL, installation uuid NOT NULL);
  INSERT INTO sluice.leadership VALUES (1, 0, '', gen_random_uuid()) ON CONFLICT DO NOTHING;
  CREATE TABLE IF NOT EXISTS sluice.heartbeat (id int PRIMARY KEY CHECK (id = 1), beat bigint NOT NULL, address text);
  INSERT INTO sluice.heartbeat VALUES (1, 0, NULL) ON CONFLICT DO NOTHING;`;

const MIGRATIONS: readonly Migration[] = [
  {
    purpose: "what is wanted, and the revision it stands at",
    statements: [
      "CREATE TABLE sluice.revision (id int PRIMARY KEY CHECK (id = 1), value bigint NOT NULL)",
      "INSERT INTO sluice.revision VALUES (1, 0)",
      "CREATE TABLE sluice.service (name text PRIMARY KEY, record text NOT NULL)",
      "CREATE TABLE sluice.service_group (name text PRIMARY KEY, record text NOT NULL)",
      "CREATE TABLE sluice.access_key (id text PRIMARY KEY, record text NOT NULL)",
      // Deferred: within one commit a version may come before its service.
      `CREATE TABLE sluice.service_version (
        service text NOT NULL REFERENCES sluice.service ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
        version int NOT NULL,
        record text NOT NULL,
        PRIMARY KEY (service, version)
      )`,
    ],
  },
  {
    purpose: "what is so, and small durable numbers",
    statements: [
      `CREATE TABLE sluice.service_status (
        service text PRIMARY KEY REFERENCES sluice.service ON DELETE CASCADE,
        generation int NOT NULL,
        record text NOT NULL
      )`,
      "CREATE TABLE sluice.number (key text PRIMARY KEY, value double precision NOT NULL)",
    ],
  },
  {
    purpose: "events, which outlive their service, and who changed what",
    statements: [
      `CREATE TABLE sluice.event (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        service text NOT NULL,
        at_ms bigint NOT NULL,
        type text NOT NULL,
        instance text,
        record text NOT NULL
      )`,
      "CREATE INDEX event_of_service ON sluice.event (service, id)",
      `CREATE TABLE sluice.audit (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at_ms bigint NOT NULL,
        key_id text NOT NULL,
        operation text NOT NULL,
        target text NOT NULL,
        outcome text NOT NULL,
        record text NOT NULL
      )`,
      "CREATE INDEX audit_by_outcome ON sluice.audit (outcome, id)",
    ],
  },
];

/** A step may rewrite a large table. */
const STEP_MS_MAX = 10 * 60_000;

/** Makes what all layouts have, if it is not there. Two who do so at once wait for each other. */
export async function lay(client: pg.ClientBase): Promise<void> {
  const there = await client.query("SELECT to_regclass('sluice.heartbeat') IS NOT NULL AS is_there");
  if (there.rows[0].is_there) return;
  await client.query(
    `BEGIN; SELECT pg_advisory_xact_lock(${LOCK_CLASS}, ${LOCKS.layout}); ${FOUNDATION}; COMMIT`,
  );
}

/** @throws Error when the database was laid out by a newer Sluice */
export async function checkLayout(client: pg.ClientBase): Promise<number> {
  const found = (await client.query<{ number: number }>("SELECT number FROM sluice.layout")).rows[0]!.number;
  if (found > MIGRATIONS.length) {
    throw new Error(
      `the database has layout ${found}, and this Sluice knows ${MIGRATIONS.length}: it was written by a newer one; use that`,
    );
  }
  return found;
}

/**
 * Brings the layout up to this program's, one transaction a step, so that a crash between two of them is harmless. Called by the one who leads.
 * @throws Error when the database was laid out by a newer Sluice
 */
export async function migrate(client: pg.ClientBase): Promise<void> {
  await lay(client);
  const found = await checkLayout(client);
  for (const [index, { statements }] of MIGRATIONS.entries()) {
    if (index < found) continue;
    const number = index + 1;
    // In one message, so that a process that is paused in between holds nothing.
    const text = [
      "BEGIN",
      `SET LOCAL statement_timeout = ${STEP_MS_MAX}`,
      `SELECT pg_advisory_xact_lock(${LOCK_CLASS}, ${LOCKS.layout})`,
      // One that was paused before this step, and is late.
      `DO $$ BEGIN IF (SELECT number FROM sluice.layout) <> ${index} THEN
        RAISE EXCEPTION 'another has changed the layout meanwhile'; END IF; END $$`,
      ...statements,
      `UPDATE sluice.layout SET number = ${number}`,
      "COMMIT",
    ].join(";\n");
    await client.query({ text, query_timeout: STEP_MS_MAX } as pg.QueryConfig);
  }
}
