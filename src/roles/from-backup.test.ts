import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { ServingError } from "../core/errors.ts";
import { apiApp, pmmlDocument, TEST_KEY } from "../testing/api-app.ts";
import { MemoryStore } from "../testing/memory-store.ts";
import { BadBackup, beginFromBackup } from "./from-backup.ts";

const ALL = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, offset: 0, limit: 10 };

/** A backup with one service of a group, in a file of the kind that `sluice backup` writes. */
async function withBackup(t: TestContext) {
  const { app, control } = apiApp();
  await control.createService(pmmlDocument("pmml_prod", 2));
  const headers = { authorization: `Bearer ${TEST_KEY}` };
  const { body: text } = await app.inject({ method: "GET", url: "/api/v2/internal/backup", headers });
  const folder = mkdtempSync(join(tmpdir(), "sluice-backup-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const write = (name: string, content: string | Uint8Array) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  return { text, write, file: write("kept.gz", gzipSync(text)), before: control.services };
}

test("an empty store begins from the file, with the same ids and tokens; packed or not", async (t) => {
  const { text, write, file, before } = await withBackup(t);
  for (const path of [file, write("kept", text)]) {
    const store = new MemoryStore();
    assert.equal(
      await beginFromBackup(store, path, 1),
      `  backup       1 services and 1 groups from ${path}`,
    );
    const [was, is] = [before, store.state.services].map((all) => all.get("pmml_prod" as never)!);
    assert.deepEqual([is!.id, is!.token], [was!.id, was!.token]);
    assert.ok(store.state.groups.has("pmml" as never));
  }
});

test("a store that has something is left alone, and without a file nothing is looked at", async (t) => {
  const { file } = await withBackup(t);
  const store = new MemoryStore();
  await beginFromBackup(store, file, 1);
  const { state, writeCount } = store;
  assert.match((await beginFromBackup(store, "/no/such/file", 2))!, /not read: the store is not empty/);
  assert.equal(await beginFromBackup(store, null, 2), null);
  assert.deepEqual([store.state, store.writeCount], [state, writeCount]);
});

test("a file that is missing, cut or none is told with its name, and nothing is begun with", async (t) => {
  const { text, write } = await withBackup(t);
  const files = [
    "/no/such/file",
    write("cut", text.slice(0, -20)),
    write("cut.gz", gzipSync(text).subarray(0, 40)),
    write("empty", ""),
  ];
  for (const path of files) {
    const store = new MemoryStore();
    await assert.rejects(
      beginFromBackup(store, path, 1),
      (error) => error instanceof BadBackup && error.message.startsWith(`--from-backup ${path}: `),
    );
    assert.equal(store.writeCount, 0);
  }
});

test("what the store says is not put down to the file, and is not taken for done", async (t) => {
  const { file } = await withBackup(t);
  const full = new MemoryStore();
  full.onWrite = () => {
    throw new ServingError("STORE_FULL", { detail: "no space left" });
  };
  await assert.rejects(beginFromBackup(full, file, 1), { code: "STORE_FULL" });
  const taken = new MemoryStore();
  t.mock.method(taken, "commit", async () => "conflict" as const);
  await assert.rejects(beginFromBackup(taken, file, 1), /somebody else has written to the store meanwhile/);
});

test("a store that is new begins from a backup, and its audit log says so", async (t) => {
  const { file } = await withBackup(t);
  const store = new MemoryStore();
  assert.match((await beginFromBackup(store, file, 7000)) ?? "", /1 services and 1 groups/);
  assert.deepEqual([...(await store.readDesired()).state.services.keys()], ["pmml_prod"]);
  const { entries } = await store.listAudit(ALL);
  assert.deepEqual(
    entries.map((e) => [e.atMs, e.keyNote, e.operation, e.change]),
    [
      [
        7000,
        "--from-backup",
        "RestoreBackup",
        "back to the backup of 2022-06-05T14:30:49Z: created pmml_prod, group pmml",
      ],
    ],
  );
});

test("a store from which all was deleted does not get it back by a restart with the same options", async (t) => {
  const { file } = await withBackup(t);
  const store = new MemoryStore();
  await beginFromBackup(store, file, 7000);
  const { revision, state } = await store.readDesired();
  const gone = [...state.services.keys()].map((name) => ({ kind: "remove-service", name }) as const);
  assert.equal(await store.commit(revision, gone), "committed");
  assert.match((await beginFromBackup(store, file, 8000)) ?? "", /not read: .* was in use before/);
  assert.equal((await store.readDesired()).state.services.size, 0);
});
