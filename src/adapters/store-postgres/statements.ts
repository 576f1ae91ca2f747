/**
 * A writer's right to write, checked within its own statement: the row of the term is held until the statement is done, and whoever takes over
 * changes it first, so he waits for those before him, and those after him find another term. One message a write: a process that is paused
 * holds no lock.
 */
const FENCE = "fence AS MATERIALIZED (SELECT 1 FROM sluice.leadership WHERE term = $1 FOR SHARE)";
const MAY_WRITE = "EXISTS (SELECT FROM fence)";
const RESULT = "(SELECT count(*)::int FROM fence) AS fenced, (SELECT count(*)::int FROM written) AS written";

const EVENT_FILTER = `service = $1 AND at_ms BETWEEN $2 AND $3
  AND ($4::text IS NULL OR type = $4) AND ($5::text IS NULL OR instance = $5)`;
const AUDIT_FILTER = `at_ms BETWEEN $1 AND $2 AND ($3::text IS NULL OR key_id = $3)
  AND ($4::text IS NULL OR target = $4) AND ($5::text IS NULL OR operation = $5)
  AND ($6::text IS NULL OR outcome = $6)`;

/** Numbers are our own and whole: several statements in one message take no parameters. */
export const begin = (term: number) => `BEGIN;
  SELECT l.term::text, r.value::text FROM sluice.leadership l, sluice.revision r
  WHERE l.term = ${term} FOR SHARE OF l FOR UPDATE OF r`;
export const end = (revision: number) => `UPDATE sluice.revision SET value = ${revision}; COMMIT`;

const keyed = (table: string, key: string) => ({
  put: `INSERT INTO sluice.${table} (${key}, record) VALUES ($1, $2)
    ON CONFLICT (${key}) DO UPDATE SET record = excluded.record`,
  remove: `DELETE FROM sluice.${table} WHERE ${key} = $1`,
});
const [SERVICE, GROUP, ACCESS_KEY] = [
  keyed("service", "name"),
  keyed("service_group", "name"),
  keyed("access_key", "id"),
];

const addEvents = (condition: string, at: number) =>
  `INSERT INTO sluice.event (service, at_ms, type, instance, record)
    SELECT service, at_ms, type, instance, record
    FROM unnest($${at}::text[], $${at + 1}::bigint[], $${at + 2}::text[], $${at + 3}::text[], $${at + 4}::text[])
      WITH ORDINALITY AS e (service, at_ms, type, instance, record, number)
    WHERE ${condition} ORDER BY number`;
const addAudit = (condition: string, at: number) =>
  `INSERT INTO sluice.audit (at_ms, key_id, operation, target, outcome, record)
    SELECT at_ms, key_id, operation, target, outcome, record
    FROM unnest($${at}::bigint[], $${at + 1}::text[], $${at + 2}::text[], $${at + 3}::text[], $${at + 4}::text[], $${at + 5}::text[])
      WITH ORDINALITY AS e (at_ms, key_id, operation, target, outcome, record, number)
    WHERE ${condition} ORDER BY number`;
const fenced = (write: string) => `WITH ${FENCE}, written AS (${write} RETURNING 1) SELECT ${RESULT}`;

export const SQL = {
  getRevision: "SELECT value::text FROM sluice.revision",
  /** One statement, so one moment. */
  readDesired: `SELECT kind, record FROM (
    SELECT 'revision' AS kind, '' AS name, 0 AS version, value::text AS record FROM sluice.revision
    UNION ALL SELECT 'service', name, 0, record FROM sluice.service
    UNION ALL SELECT 'group', name, 0, record FROM sluice.service_group
    UNION ALL SELECT 'access-key', id, 0, record FROM sluice.access_key
    UNION ALL SELECT 'version', service, version, record FROM sluice.service_version
    ) AS wanted ORDER BY name COLLATE "C", version`,

  putService: SERVICE.put,
  removeService: SERVICE.remove,
  putGroup: GROUP.put,
  removeGroup: GROUP.remove,
  putAccessKey: ACCESS_KEY.put,
  removeAccessKey: ACCESS_KEY.remove,
  putVersion: `INSERT INTO sluice.service_version (service, version, record) VALUES ($1, $2, $3)
    ON CONFLICT (service, version) DO UPDATE SET record = excluded.record`,
  removeVersion: "DELETE FROM sluice.service_version WHERE service = $1 AND version = $2",

  getStatus: "SELECT record FROM sluice.service_status WHERE service = $1",
  listStatuses: `SELECT service, record FROM sluice.service_status ORDER BY service COLLATE "C"`,
  // Writes no row when the service is gone, or when a later generation stands there.
  putStatus: fenced(`INSERT INTO sluice.service_status AS s (service, generation, record)
    SELECT name, $3, $4 FROM sluice.service WHERE name = $2 AND ${MAY_WRITE}
    ON CONFLICT (service) DO UPDATE SET generation = excluded.generation, record = excluded.record
    WHERE excluded.generation >= s.generation`),

  addEvents: fenced(addEvents(MAY_WRITE, 2)),
  addEventsOfCommit: addEvents("true", 1),
  // By id, not by time: the wall clock may jump, and newest means added last.
  listEvents: `SELECT record, count(*) OVER ()::int AS total FROM sluice.event WHERE ${EVENT_FILTER}
    ORDER BY id DESC LIMIT $6 OFFSET $7`,
  countEvents: `SELECT count(*)::int AS total FROM sluice.event WHERE ${EVENT_FILTER}`,
  trimEventsOfServices: `DELETE FROM sluice.event e USING (
      SELECT s.service, (SELECT id FROM sluice.event n WHERE n.service = s.service ORDER BY id DESC LIMIT 1 OFFSET $2) AS id
      FROM unnest($1::text[]) AS s (service)
    ) AS surplus WHERE e.service = surplus.service AND e.id <= surplus.id`,
  trimEvents: "DELETE FROM sluice.event WHERE id <= (SELECT max(id) FROM sluice.event) - $1::bigint",

  addAudit: fenced(addAudit(MAY_WRITE, 2)),
  addAuditOfCommit: addAudit("true", 1),
  listAudit: `SELECT record, count(*) OVER ()::int AS total FROM sluice.audit WHERE ${AUDIT_FILTER}
    ORDER BY id DESC LIMIT $7 OFFSET $8`,
  countAudit: `SELECT count(*)::int AS total FROM sluice.audit WHERE ${AUDIT_FILTER}`,
  trimAudit: `DELETE FROM sluice.audit WHERE outcome = $1 AND id <=
    (SELECT id FROM sluice.audit WHERE outcome = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)`,

  getNumber: "SELECT value FROM sluice.number WHERE key = $1",
  putNumber: fenced(`INSERT INTO sluice.number (key, value) SELECT $2, $3 WHERE ${MAY_WRITE}
    ON CONFLICT (key) DO UPDATE SET value = excluded.value`),
} as const;
