import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { after, before, describe, test } from "node:test";
import { ServingError } from "../../core/errors.ts";
import type { ServiceName } from "../../core/names.ts";
import type { Change, NewEvent, ServiceStatus } from "../../core/service.ts";
import { serviceRecord, testStoreConformance } from "../../testing/store-conformance.ts";
import { migrate } from "./migrations.ts";
import { openSqliteStore } from "./open.ts";
import { SqliteStore } from "./store.ts";

let dir: string;
let serial = 0;
before(() => {
  dir = mkdtempSync(join(tmpdir(), "sluice-store-"));
});
after(() => rmSync(dir, { recursive: true, force: true }));
const newFile = () => join(dir, `${++serial}`, "sluice.db");

testStoreConformance("sqlite", async () => openSqliteStore(newFile()));

const a = "a" as ServiceName;
const put = (name: string): Change => ({ kind: "put-service", record: serviceRecord(name) });
const status = { observedGeneration: 1, phase: "Running", reason: "RUNNING", message: "" } as ServiceStatus;
const event = { service: a, atMs: 1, type: "Normal", reason: "Creating", resource: "Service" } as NewEvent;

test("all is there after closing and opening again, in files for the owner only", async () => {
  const file = newFile();
  const first = openSqliteStore(file);
  const { revision } = await first.readDesired();
  await first.commit(revision, [
    put("a"),
    { kind: "add-event", event: { ...event, instance: null, message: "" } },
  ]);
  await first.putStatus(a, status);
  await first.putNumber("table", 9);
  for (const name of [file, `${file}-wal`, `${file}-shm`])
    assert.equal(statSync(name).mode & 0o777, 0o600, name);
  assert.equal(statSync(join(file, "..")).mode & 0o777, 0o700);
  const before = await first.readDesired();
  await first.close();

  const second = openSqliteStore(file);
  assert.deepEqual(await second.readDesired(), before);
  assert.deepEqual(await second.getStatus(a), status);
  assert.equal(await second.getNumber("table"), 9);
  assert.equal((await second.listEvents({ service: a, fromMs: 0, toMs: 9, offset: 0, limit: 9 })).total, 1);
  await second.close();
});

test("a file that others may read is closed to them", async () => {
  const file = newFile();
  await openSqliteStore(file).close();
  chmodSync(file, 0o644);
  await openSqliteStore(file).close();
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test("records of before tokens had numbers get them", async () => {
  const file = newFile();
  await openSqliteStore(file).close();
  const database = new DatabaseSync(file);
  const { tokenNumber: _, tokenAddedAtMs: __, olderTokens: ___, ...old } = serviceRecord("a");
  database.prepare("INSERT INTO service (name, record) VALUES (?, ?)").run("a", JSON.stringify(old));
  database.exec("ALTER TABLE event DROP COLUMN facts; DROP TABLE access_key; DROP TABLE audit");
  database.exec("PRAGMA user_version = 4");
  database.close();
  const store = openSqliteStore(file);
  const record = (await store.readDesired()).state.services.get(a);
  assert.deepEqual(record, { ...old, tokenNumber: 1, tokenAddedAtMs: old.createdAtMs, olderTokens: [] });
  await store.close();
});

test("what was committed before kill -9 is there", async (t) => {
  const file = newFile();
  const program = `
    import { openSqliteStore } from ${JSON.stringify(join(import.meta.dirname, "open.ts"))};
    const store = openSqliteStore(process.argv[1]);
    for (let i = 1; ; i++) {
      await store.putNumber("n", i);
      await new Promise((done) => process.stdout.write(i + "\\n", done));
    }`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program, file], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
    if (said.includes("50\n")) child.kill("SIGKILL");
  });
  await once(child, "close");
  const last = Number(said.slice(0, said.lastIndexOf("\n")).split("\n").at(-1));
  assert.ok(last >= 50);
  const store = openSqliteStore(file);
  assert.ok((await store.getNumber("n")) >= last);
  await store.close();
});

test("a write that fails at any point leaves the state whole, and the store in use", async () => {
  const changes: Change[] = [
    put("new"),
    { kind: "put-version", version: { service: a, version: 1, document: {}, createdAtMs: 1, message: "" } },
    { kind: "add-event", event: { ...event, instance: null, message: "" } },
    { kind: "remove-service", name: "old" as ServiceName },
  ];
  let failures = 0;
  for (let n = 1; ; n++) {
    const file = newFile();
    const setUp = openSqliteStore(file);
    await setUp.commit(0, [put("a"), put("old")]);
    await setUp.close();
    const fault = { countdown: Number.POSITIVE_INFINITY };
    const store = new SqliteStore(failing(new DatabaseSync(file), fault), file);
    const before = await store.readDesired();
    fault.countdown = n;
    let isDone = false;
    try {
      isDone = (await store.commit(before.revision, changes)) === "committed";
    } catch (error) {
      assert.match(String(error), /injected/);
      failures++;
    }
    fault.countdown = Number.POSITIVE_INFINITY;
    if (!isDone) {
      assert.deepEqual(await store.readDesired(), before);
      assert.equal(
        (await store.listEvents({ service: a, fromMs: 0, toMs: 9, offset: 0, limit: 9 })).total,
        0,
      );
      assert.equal(await store.commit(before.revision, changes), "committed");
    }
    assert.deepEqual([...(await store.readDesired()).state.services.keys()], ["a", "new"]);
    await store.close();
    if (isDone) break;
  }
  assert.equal(
    failures,
    2 * (changes.length + 3),
    "each statement before and after it ran: trims and revision too",
  );
});

/** Counts writes down, before and after each; the one that reaches zero throws. */
function failing(database: DatabaseSync, fault: { countdown: number }): DatabaseSync {
  const tick = () => {
    fault.countdown -= 1;
    if (fault.countdown === 0) throw new Error("injected");
  };
  const prepare = database.prepare.bind(database);
  database.prepare = (sql: string): StatementSync => {
    const statement = prepare(sql);
    const run = statement.run.bind(statement);
    statement.run = ((...values: Parameters<typeof run>) => {
      tick();
      const result = run(...values);
      tick();
      return result;
    }) as typeof run;
    return statement;
  };
  database.exec("PRAGMA foreign_keys = ON");
  return database;
}

test("a damaged file is refused with its name", async () => {
  const file = newFile();
  mkdirSync(join(file, ".."));
  writeFileSync(file, "this is no database, and long enough to have a header".repeat(100));
  assert.throws(() => openSqliteStore(file), new RegExp(`${file} is damaged: file is not a database`));

  const cut = newFile();
  const store = openSqliteStore(cut);
  await store.commit(0, [put("a")]);
  await store.close();
  truncateSync(cut, 8192);
  assert.throws(() => openSqliteStore(cut), new RegExp(`${cut} is damaged: `));
});

test("a record that is not JSON is damage, and says so", async () => {
  const file = newFile();
  const store = openSqliteStore(file);
  await store.commit(0, [put("a")]);
  const other = new DatabaseSync(file);
  other.exec("UPDATE service SET record = '{'; UPDATE revision SET value = 2");
  other.close();
  await assert.rejects(store.readDesired(), new RegExp(`${file} is damaged: a record is not JSON`));
  await store.close();
});

test("a file of a newer Sluice is refused, and left alone", async () => {
  const file = newFile();
  await openSqliteStore(file).close();
  const database = new DatabaseSync(file);
  database.exec("PRAGMA user_version = 99");
  assert.throws(() => migrate(database), /layout 99/);
  database.close();
  assert.throws(() => openSqliteStore(file), new RegExp(`${file} cannot be opened: it has layout 99`));
});

test("a path that cannot be is refused with its name", () => {
  const file = newFile();
  writeFileSync(join(file, "..", "..", "taken"), "");
  const path = join(dir, "taken", "sluice.db");
  assert.throws(() => openSqliteStore(path), new RegExp(join(dir, "taken")));
});

const isRoot = process.getuid?.() === 0;
describe("a disk of its own", { skip: !isRoot && "mounting a small disk needs root" }, () => {
  let disk: string;
  before(() => {
    disk = mkdtempSync(join(tmpdir(), "sluice-disk-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "none", disk]);
  });
  after(() => {
    execFileSync("umount", ["-l", disk]);
    rmSync(disk, { recursive: true, force: true });
  });

  test("when it is full: STORE_FULL, nothing changed, and it goes on when there is room", async () => {
    const file = join(disk, "data", "sluice.db");
    const store = openSqliteStore(file);
    let { revision } = await store.readDesired();
    const big = (n: number): Change => ({
      kind: "put-service",
      record: serviceRecord(`s${n}`, { document: { text: "x".repeat(20_000) } }),
    });
    let count = 0;
    const fill = async () => {
      for (; count < 1000; count++) {
        await store.commit(revision, [big(count)]);
        revision = (await store.readDesired()).revision;
      }
    };
    await assert.rejects(fill(), (error) => {
      assert.ok(error instanceof ServingError && error.code === "STORE_FULL", String(error));
      assert.ok(error.message.includes(file));
      return true;
    });
    assert.ok(count > 0);
    const now = await store.readDesired();
    assert.equal(now.revision, revision);
    assert.equal(now.state.services.size, count);
    await assert.rejects(store.putNumber("x".repeat(500_000), 1), { code: "STORE_FULL" });
    execFileSync("mount", ["-o", "remount,size=4m", disk]);
    assert.equal(await store.commit(revision, [big(count)]), "committed");
    await store.close();
    const again = openSqliteStore(file);
    assert.equal((await again.readDesired()).state.services.size, count + 1);
    await again.close();
  });

  test("when it is read-only: STORE_FULL, and what is there can be read", async () => {
    const file = join(disk, "readonly", "sluice.db");
    const store = openSqliteStore(file);
    await store.commit(0, [put("a")]);
    await store.close();
    execFileSync("mount", ["-o", "remount,ro", disk]);
    try {
      assert.throws(() => openSqliteStore(file), { code: "STORE_FULL" });
    } finally {
      execFileSync("mount", ["-o", "remount,rw", disk]);
    }
  });
});
