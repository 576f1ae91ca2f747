import assert from "node:assert/strict";
import test from "node:test";
import { desiredOf } from "../../testing/records.ts";
import type { KeptSecret } from "../access/access-key.ts";
import { type ErrorCode, ServingError } from "../errors.ts";
import {
  ACCESS_KEYS_MAX,
  type AccessKeyOrder,
  createAccessKey,
  removeAccessKey,
  rotateAccessKey,
} from "./access-keys.ts";
import { applyChanges } from "./apply.ts";

const NOW = { nowMs: 1000 };
const secretOf = (text: string): KeptSecret => ({ sha256: `digest of ${text}`, sealed: `sealed ${text}` });
const order = (change: Partial<AccessKeyOrder> = {}): AccessKeyOrder => ({
  id: "k",
  role: "operator",
  note: "ci",
  restriction: null,
  expiresAtMs: null,
  secret: secretOf("one"),
  ...change,
});
const withKey = () => applyChanges(desiredOf(), createAccessKey(desiredOf(), order(), NOW).changes);
const refusalOf = (act: () => unknown): ServingError => {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof ServingError);
    return error;
  }
  assert.fail("it was not refused");
};
const refuses = (code: ErrorCode, act: () => unknown) => assert.equal(refusalOf(act).code, code);

test("a rotation keeps the secret before for the grace, and none when that is 0; the one before that opens no more", () => {
  const once = rotateAccessKey(withKey(), { id: "k", secret: secretOf("two"), graceMs: 500 }, NOW);
  assert.deepEqual(once.record.secret, secretOf("two"));
  assert.deepEqual(once.record.olderSecret, { ...secretOf("one"), validUntilMs: 1500 });
  const state = applyChanges(withKey(), once.changes);
  const twice = rotateAccessKey(state, { id: "k", secret: secretOf("three"), graceMs: 500 }, NOW);
  assert.deepEqual(twice.record.olderSecret, { ...secretOf("two"), validUntilMs: 1500 });
  const now = rotateAccessKey(state, { id: "k", secret: secretOf("three"), graceMs: 0 }, NOW);
  assert.equal(now.record.olderSecret, null);
});

test("a key that is not there is neither rotated nor revoked; a revoked one is gone", () => {
  const gone = applyChanges(withKey(), removeAccessKey(withKey(), "k").changes);
  assert.equal(gone.accessKeys.size, 0);
  refuses("ACCESS_KEY_NOT_FOUND", () => removeAccessKey(gone, "k"));
  refuses("ACCESS_KEY_NOT_FOUND", () =>
    rotateAccessKey(gone, { id: "k", secret: secretOf("two"), graceMs: 0 }, NOW),
  );
});

test("all that is wrong with an order is told at once", () => {
  const error = refusalOf(() =>
    createAccessKey(
      desiredOf(),
      order({
        note: "x".repeat(201),
        expiresAtMs: 1000,
        restriction: { groups: ["Not A Name"], workspaces: [] },
      }),
      NOW,
    ),
  );
  assert.equal(error.code, "INVALID_ARGUMENT");
  assert.ok((error.facts as { problems: readonly unknown[] }).problems.length >= 3);
});

test("there are so many keys at most", () => {
  const keys = Array.from({ length: ACCESS_KEYS_MAX }, (_, i) =>
    createAccessKey(desiredOf(), order({ id: `k${i}` }), NOW),
  );
  const full = applyChanges(
    desiredOf(),
    keys.flatMap((k) => k.changes),
  );
  refuses("TOO_MANY_ACCESS_KEYS", () => createAccessKey(full, order({ id: "more" }), NOW));
});
