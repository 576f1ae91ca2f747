import assert from "node:assert/strict";
import type { AccessKeyRecord } from "../core/access/access-key.ts";
import { AUDIT_DONE_MAX, AUDIT_REFUSED_MAX, type AuditEntry } from "../core/access/audit-entry.ts";
import type { Change } from "../core/service.ts";
import type { AuditQuery, Store } from "../ports/store.ts";
import { groupOf } from "./records.ts";

const accessKeyRecord = (id: string, facts: Partial<AccessKeyRecord> = {}): AccessKeyRecord => ({
  id,
  role: "operator",
  note: "ü\u0000\u2028 of the build server",
  restriction: { groups: ["g"], workspaces: ["1234"] },
  secret: { sha256: "0a", sealed: "c2VhbGVk" },
  olderSecret: { sha256: "0b", sealed: "b2xk", validUntilMs: 1_790_000_000_000 },
  expiresAtMs: null,
  createdAtMs: 1,
  updatedAtMs: 2,
  ...facts,
});

const auditEntry = (atMs: number, facts: Partial<AuditEntry> = {}): AuditEntry => ({
  atMs,
  requestId: `r-${atMs}`,
  keyId: "k",
  keyNote: "ü of the build server",
  remoteAddress: "127.0.0.1",
  operation: "ScaleService",
  target: "service/a",
  outcome: "done",
  code: null,
  change: "instances 1 → 3",
  ...facts,
});

const allAudit: AuditQuery = { fromMs: 0, toMs: 2 ** 45, offset: 0, limit: 50_000 };

const putGroup = (name: string): Change => ({ kind: "put-group", record: groupOf(name) });

async function commit(store: Store, ...changes: Change[]): Promise<void> {
  const { revision } = await store.readDesired();
  assert.equal(await store.commit(revision, changes), "committed");
}

/** The part of the conformance suite about access keys and audit entries; `check` registers one test on an empty store. */
export function testAccessConformance(
  check: (title: string, run: (store: Store) => Promise<void>) => void,
): void {
  check("access keys are part of what is wanted, and fenced by its revision", async (store) => {
    const [one, two] = [
      accessKeyRecord("k-1"),
      accessKeyRecord("k-2", { restriction: null, olderSecret: null }),
    ];
    const { revision } = await store.readDesired();
    const changes: Change[] = [one, two].map((record) => ({ kind: "put-access-key", record }));
    assert.equal(await store.commit(revision, changes), "committed");
    assert.equal(await store.commit(revision, [{ kind: "remove-access-key", id: "k-1" }]), "conflict");
    const { state } = await store.readDesired();
    assert.deepEqual([...state.accessKeys.values()], [one, two]);
    const revised = { ...one, role: "viewer", expiresAtMs: 5 } as const;
    await commit(
      store,
      { kind: "put-access-key", record: revised },
      { kind: "remove-access-key", id: "k-2" },
    );
    await commit(store, { kind: "remove-access-key", id: "k-3" }); // not there: done
    assert.deepEqual([...(await store.readDesired()).state.accessKeys], [["k-1", revised]]);
    assert.equal(state.accessKeys.get("k-1")?.role, "operator", "a state once read does not change");
  });

  check("audit entries come newest first, by filter and page", async (store) => {
    const refused = auditEntry(20, { outcome: "refused", code: "FORBIDDEN", keyId: "v", change: "" });
    const [first, last] = [auditEntry(30), auditEntry(10, { target: "group/g", operation: "DeleteGroup" })];
    const before = (await store.readDesired()).revision;
    await store.addAudit([first, refused]);
    await store.addAudit([]);
    assert.equal((await store.readDesired()).revision, before, "what happened does not move what is wanted");
    await commit(store, { kind: "add-audit", entry: last });
    assert.deepEqual(
      await store.listAudit(allAudit),
      { entries: [last, refused, first], total: 3 },
      "by when they were added: a clock may jump",
    );
    const times = async (query: Partial<AuditQuery>) => {
      const { entries, total } = await store.listAudit({ ...allAudit, ...query });
      return [entries.map((e) => e.atMs), total];
    };
    assert.deepEqual(await times({ offset: 1, limit: 1 }), [[20], 3]);
    assert.deepEqual(await times({ offset: 9 }), [[], 3]);
    assert.deepEqual(await times({ fromMs: 10, toMs: 20 }), [[10, 20], 2], "both ends count");
    assert.deepEqual(await times({ keyId: "v" }), [[20], 1]);
    assert.deepEqual(await times({ target: "group/g" }), [[10], 1]);
    assert.deepEqual(await times({ operation: "ScaleService" }), [[20, 30], 2]);
    assert.deepEqual(await times({ outcome: "done" }), [[10, 30], 2]);
    assert.deepEqual(await times({ outcome: "done", keyId: "v" }), [[], 0]);
  });

  check("an audit entry comes with its change or not at all", async (store) => {
    const { revision } = await store.readDesired();
    await commit(store, putGroup("a"), { kind: "add-audit", entry: auditEntry(1) });
    const late: Change[] = [putGroup("b"), { kind: "add-audit", entry: auditEntry(2) }];
    assert.equal(await store.commit(revision, late), "conflict");
    assert.equal((await store.listAudit(allAudit)).total, 1);
  });

  check("of audit entries the newest are kept, and refusals push no change out", async (store) => {
    const done = Array.from({ length: AUDIT_DONE_MAX + 2 }, (_, i) => auditEntry(i));
    await store.addAudit(done.slice(0, -1));
    const refusals = Array.from({ length: AUDIT_REFUSED_MAX + 3 }, (_, i) =>
      auditEntry(i, { outcome: "refused" }),
    );
    await store.addAudit(refusals);
    await commit(store, { kind: "add-audit", entry: done.at(-1)! });
    const kept = async (outcome: "done" | "refused") => {
      const { entries, total } = await store.listAudit({ ...allAudit, outcome });
      return [total, entries[0]?.atMs, entries.at(-1)?.atMs];
    };
    assert.deepEqual(await kept("done"), [AUDIT_DONE_MAX, AUDIT_DONE_MAX + 1, 2]);
    assert.deepEqual(await kept("refused"), [AUDIT_REFUSED_MAX, AUDIT_REFUSED_MAX + 2, 3]);
  });
}
