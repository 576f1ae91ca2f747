import type { DatabaseSync, StatementSync } from "node:sqlite";

const EVENT_FILTER = `service = :service AND at_ms BETWEEN :fromMs AND :toMs
  AND (:type IS NULL OR type = :type) AND (:instance IS NULL OR instance = :instance)`;

const AUDIT_FILTER = `at_ms BETWEEN :fromMs AND :toMs AND (:keyId IS NULL OR key_id = :keyId)
  AND (:target IS NULL OR target = :target) AND (:operation IS NULL OR operation = :operation)
  AND (:outcome IS NULL OR outcome = :outcome)`;

const SQL = {
  getRevision: "SELECT value FROM revision",
  setRevision: "UPDATE revision SET value = ?",

  listServices: "SELECT record FROM service ORDER BY name",
  // Not INSERT OR REPLACE: that would delete the row first, and versions and status with it.
  putService:
    "INSERT INTO service (name, record) VALUES (?, ?) ON CONFLICT DO UPDATE SET record = excluded.record",
  removeService: "DELETE FROM service WHERE name = ?",

  listVersions: "SELECT record FROM service_version ORDER BY service, version",
  putVersion: `INSERT INTO service_version (service, version, record) VALUES (?, ?, ?)
    ON CONFLICT DO UPDATE SET record = excluded.record`,
  removeVersion: "DELETE FROM service_version WHERE service = ? AND version = ?",

  listGroups: "SELECT record FROM service_group ORDER BY name",
  putGroup: `INSERT INTO service_group (name, record) VALUES (?, ?)
    ON CONFLICT DO UPDATE SET record = excluded.record`,
  removeGroup: "DELETE FROM service_group WHERE name = ?",

  listAccessKeys: "SELECT record FROM access_key ORDER BY id",
  putAccessKey: `INSERT INTO access_key (id, record) VALUES (?, ?)
    ON CONFLICT DO UPDATE SET record = excluded.record`,
  removeAccessKey: "DELETE FROM access_key WHERE id = ?",

  getStatus: "SELECT record FROM service_status WHERE service = ?",
  listStatuses: "SELECT service, record FROM service_status ORDER BY service",
  // Writes no row when the service is gone, or when a later generation stands there.
  putStatus: `INSERT INTO service_status (service, generation, record)
    SELECT name, :generation, :record FROM service WHERE name = :service
    ON CONFLICT DO UPDATE SET generation = excluded.generation, record = excluded.record
    WHERE excluded.generation >= generation`,

  addEvent: `INSERT INTO event (service, at_ms, type, reason, resource, instance, message, facts)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  // By id, not by time: the wall clock may jump, and newest means added last.
  listEvents: `SELECT service, at_ms, type, reason, resource, instance, message, facts FROM event
    WHERE ${EVENT_FILTER} ORDER BY id DESC LIMIT :limit OFFSET :offset`,
  countEvents: `SELECT count(*) AS total FROM event WHERE ${EVENT_FILTER}`,
  trimEventsOfService: `DELETE FROM event WHERE service = ? AND id <=
    (SELECT id FROM event WHERE service = ? ORDER BY id DESC LIMIT 1 OFFSET ?)`,
  trimEvents: "DELETE FROM event WHERE id <= (SELECT max(id) FROM event) - ?",

  addAudit: `INSERT INTO audit (at_ms, request_id, key_id, key_note, remote_address, operation, target, outcome, code, change)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  listAudit: `SELECT at_ms AS atMs, request_id AS requestId, key_id AS keyId, key_note AS keyNote,
      remote_address AS remoteAddress, operation, target, outcome, code, change
    FROM audit WHERE ${AUDIT_FILTER} ORDER BY id DESC LIMIT :limit OFFSET :offset`,
  countAudit: `SELECT count(*) AS total FROM audit WHERE ${AUDIT_FILTER}`,
  trimAudit: `DELETE FROM audit WHERE outcome = :outcome AND id <=
    (SELECT id FROM audit WHERE outcome = :outcome ORDER BY id DESC LIMIT 1 OFFSET :kept)`,

  getNumber: "SELECT value FROM number WHERE key = ?",
  putNumber: "INSERT INTO number (key, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
} as const;

/** Every statement of the store, by name, ready to run. */
export type Statements = { readonly [name in keyof typeof SQL]: StatementSync };

/** Prepares all statements once; they live as long as the connection. */
export function prepareStatements(database: DatabaseSync): Statements {
  const entries = Object.entries(SQL).map(([name, sql]) => [name, database.prepare(sql)] as const);
  return Object.fromEntries(entries) as unknown as Statements;
}
