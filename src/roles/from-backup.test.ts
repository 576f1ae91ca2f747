import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { applyChanges } from "../core/change/apply.ts";
import { createService } from "../core/change/create.ts";
import { parseSpec } from "../core/spec/parse.ts";
import { backupLines } from "../server/backup-lines.ts";
import { documentFor } from "../testing/control-world.ts";
import { MemoryStore } from "../testing/memory-store.ts";
import { desiredOf } from "../testing/records.ts";
import { BadBackup, beginFromBackup } from "./from-backup.ts";

const ALL = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, offset: 0, limit: 10 };

function backupFile(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "sluice-from-backup-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const context = { nowMs: 5, serviceId: "eas-m-1", serviceToken: "t", groupToken: "g" };
  const empty = desiredOf([]);
  const { changes } = createService(empty, parseSpec(documentFor("kept")), context);
  const about = { program: "1", region: "local", madeAtMs: 5000 };
  const file = join(folder, "backup");
  writeFileSync(file, `${[...backupLines(applyChanges(empty, changes), about)].join("\n")}\n`);
  return file;
}

test("a store that is new begins from a backup, and its audit log says so", async (t) => {
  const file = backupFile(t);
  const store = new MemoryStore();
  assert.match((await beginFromBackup(store, file, 7000)) ?? "", /1 services and 0 groups/);
  assert.deepEqual([...(await store.readDesired()).state.services.keys()], ["kept"]);
  const { entries } = await store.listAudit(ALL);
  assert.deepEqual(
    entries.map((e) => [e.atMs, e.keyNote, e.operation, e.change]),
    [[7000, "--from-backup", "RestoreBackup", "back to the backup of 1970-01-01T00:00:05Z: created kept"]],
  );
});

test("a store from which all was deleted does not get it back by a restart with the same options", async (t) => {
  const file = backupFile(t);
  const store = new MemoryStore();
  await beginFromBackup(store, file, 7000);
  const { revision, state } = await store.readDesired();
  const gone = [...state.services.keys()].map((name) => ({ kind: "remove-service", name }) as const);
  assert.equal(await store.commit(revision, gone), "committed");
  assert.match((await beginFromBackup(store, file, 8000)) ?? "", /not read: .* was in use before/);
  assert.equal((await store.readDesired()).state.services.size, 0);
});

test("a backup that somebody else's write came before is not said to be read", async (t) => {
  const file = backupFile(t);
  const store = new MemoryStore();
  const busy = Object.assign(Object.create(store) as MemoryStore, {
    commit: async () => "conflict" as const,
    readDesired: () => store.readDesired(),
  });
  await assert.rejects(beginFromBackup(busy, file, 7000), BadBackup);
});
