import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { QueryConfig } from "pg";
import { makeCertificate } from "../../../test/harness/certificates.ts";
import { databaseOf, POSTGRES_PASSWORD, PostgresServer } from "../../../test/harness/postgres.ts";
import { until } from "../../../test/harness/until.ts";
import type { ServiceName } from "../../core/names.ts";
import type { NewEvent } from "../../core/service.ts";
import { serviceRecord, testStoreConformance } from "../../testing/store-conformance.ts";
import { PostgresAddress } from "./address.ts";
import { migrate } from "./migrations.ts";
import { openSession, Sessions } from "./sessions.ts";
import { PostgresStore } from "./store.ts";

const certificate = makeCertificate();
const server = new PostgresServer({ tls: certificate });
const dir = mkdtempSync(join(tmpdir(), "sluice-pg-ca-"));
before(async () => {
  writeFileSync(join(dir, "ca.pem"), certificate.cert);
  writeFileSync(join(dir, "other.pem"), makeCertificate().cert);
  await server.start();
});
after(async () => {
  await server.stop();
  rmSync(dir, { recursive: true });
});

const [a, b] = ["a" as ServiceName, "b" as ServiceName];
const put = (name: string) => ({ kind: "put-service", record: serviceRecord(name) }) as const;

async function open(url: string): Promise<PostgresStore> {
  const address = new PostgresAddress(url);
  const sessions = new Sessions(address);
  await sessions.use(migrate);
  return new PostgresStore({ sessions, place: String(address), term: 0, onDoubt: () => {} });
}

testStoreConformance("postgres", () => open(server.newDatabase()));

test("what one commits another reads, and each of them what is newest", async (t) => {
  const url = server.newDatabase();
  const [one, two] = [await open(url), await open(url)];
  t.after(() => Promise.all([one.close(), two.close()]));
  for (const [i, [writer, reader]] of [
    [one, two],
    [two, one],
    [one, two],
  ].entries()) {
    const { revision } = await writer!.readDesired();
    assert.equal(revision, i);
    assert.equal(await writer!.commit(revision, [put(`s${i}`)]), "committed");
    const [written, read] = [await writer!.readDesired(), await reader!.readDesired()];
    assert.deepEqual(written, read, "what is kept in memory is what is in the database");
    assert.equal(read.state.services.size, i + 1);
  }
});

test("texts that PostgreSQL cannot hold are kept and found all the same", async (t) => {
  const store = await open(server.newDatabase());
  t.after(() => store.close());
  const event = {
    service: a,
    atMs: 1,
    type: "Normal",
    reason: "R",
    resource: "Instance",
    instance: "i\u0000",
    message: "\u0000\ud800",
  } as unknown as NewEvent;
  await store.addEvents([event]);
  const query = { service: a, fromMs: 0, toMs: 9, offset: 0, limit: 9 };
  assert.deepEqual((await store.listEvents({ ...query, instance: "i\u0000" })).events, [event]);
});

test("a status of a service that is removed at the same time is stale, or goes with it", async (t) => {
  const url = server.newDatabase();
  const store = await open(url);
  t.after(() => store.close());
  const status = { observedGeneration: 1 } as Parameters<PostgresStore["putStatus"]>[1];
  for (let i = 0; i < 40; i++) {
    const { revision } = await store.readDesired();
    await store.commit(revision, [put("a")]);
    const [removed, stored] = await Promise.all([
      store.commit(revision + 1, [{ kind: "remove-service", name: a }]),
      store.putStatus(a, status),
      store.putStatus(b, status),
    ]);
    assert.equal(removed, "committed");
    assert.ok(["stored", "stale"].includes(stored));
    assert.equal((await store.listStatuses()).size, 0);
  }
});

test("a server that starts again costs what is under way, and the store goes on", async (t) => {
  const own = new PostgresServer();
  t.after(() => own.stop());
  await own.start();
  const store = await open(own.newDatabase());
  t.after(() => store.close());
  await store.putNumber("n", 1);
  await own.halt();
  await assert.rejects(store.putNumber("n", 2), { code: "STORE_UNAVAILABLE" });
  await own.startAgain();
  await until(async () => (await store.getNumber("n").catch(() => null)) === 1, "the store to answer");
  await store.putNumber("n", 3);
  assert.equal(await store.getNumber("n"), 3);
});

test("a database that takes no writes says so, and is read", async (t) => {
  const url = server.newDatabase();
  await (await open(url)).close();
  server.sql(databaseOf(url), `ALTER DATABASE ${databaseOf(url)} SET default_transaction_read_only = on`);
  const store = await open(url);
  t.after(() => store.close());
  await assert.rejects(store.commit(0, [put("a")]), (error: Error & { code?: string }) => {
    assert.equal(error.code, "STORE_UNAVAILABLE");
    assert.match(error.message, /read-only transaction/);
    return true;
  });
  assert.equal((await store.readDesired()).state.services.size, 0);
});

test("who waits for a lock gets an answer, and so does who waits for a free session", async (t) => {
  const url = server.newDatabase();
  const store = await open(url);
  t.after(() => store.close());
  const other = await openSession(new PostgresAddress(url));
  const pid = (await other.client.query("SELECT pg_backend_pid() AS pid")).rows[0].pid;
  // It is busy, not idle within its transaction: the server does not end it by itself.
  const text = `BEGIN; SET statement_timeout = 0; UPDATE sluice.revision SET value = value; SELECT pg_sleep(600)`;
  const held = other.client.query({ text, query_timeout: 600_000 } as QueryConfig).catch(() => {});
  const isHeld = () =>
    server.sql(databaseOf(url), `SELECT wait_event FROM pg_stat_activity WHERE pid = ${pid}`) === "PgSleep";
  await until(isHeld, "the lock to be held");
  const tries = Array.from({ length: 12 }, () => store.commit(0, [put("a")]));
  for (const result of await Promise.allSettled(tries)) {
    assert.equal(result.status, "rejected");
    assert.equal(result.reason.code, "STORE_UNAVAILABLE");
  }
  server.sql(databaseOf(url), `SELECT pg_terminate_backend(${pid})`);
  await held;
  assert.equal(await store.commit(0, [put("a")]), "committed");
});

test("a layout of a newer Sluice is refused; the own one is laid once, however many begin", async () => {
  const url = server.newDatabase();
  const stores = await Promise.all(Array.from({ length: 3 }, () => open(url).catch((error: Error) => error)));
  for (const store of stores) if (store instanceof PostgresStore) await store.close();
  assert.ok(stores.some((store) => store instanceof PostgresStore));
  await (await open(url)).close();
  server.sql(databaseOf(url), "UPDATE sluice.layout SET number = 99");
  await assert.rejects(open(url), /layout 99, and this Sluice knows \d: it was written by a newer one/);
});

test("TLS is checked as far as the address says", async () => {
  const database = databaseOf(server.newDatabase());
  const at = (host: string, more: string) =>
    new PostgresAddress(`postgres://sluice:${POSTGRES_PASSWORD}@${host}:${server.port}/${database}?${more}`);
  const isEncrypted = async (address: PostgresAddress) => {
    const session = await openSession(address);
    try {
      return (await session.client.query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")).rows[0]
        .ssl;
    } finally {
      await session.client.end();
    }
  };
  const [ca, other] = [`sslrootcert=${join(dir, "ca.pem")}`, `sslrootcert=${join(dir, "other.pem")}`];
  assert.equal(await isEncrypted(at("localhost", "sslmode=disable")), false);
  assert.equal(await isEncrypted(at("localhost", "sslmode=require")), true);
  assert.equal(await isEncrypted(at("localhost", `sslmode=verify-full&${ca}`)), true);
  await assert.rejects(isEncrypted(at("localhost", "sslmode=verify-full")), /self-signed|certificate/);
  await assert.rejects(isEncrypted(at("localhost", `sslmode=verify-full&${other}`)), /certificate|signature/);
  await assert.rejects(isEncrypted(at("localhost", `sslmode=require&${other}`)), /certificate|signature/);
  await assert.rejects(isEncrypted(at("127.0.0.2", `sslmode=verify-full&${ca}`)));
  const wrong = new PostgresAddress(`postgres://sluice:s3cr3t@localhost:${server.port}/${database}`);
  await assert.rejects(openSession(wrong), (error: Error) => {
    assert.match(error.message, /password authentication failed/);
    assert.doesNotMatch(`${error.message}${error.stack}`, /s3cr3t/);
    return true;
  });
});
