import assert from "node:assert/strict";
import { test } from "node:test";
import { ServingError } from "../../core/errors.ts";
import { isConnectionLoss, translatePostgresError } from "./postgres-error.ts";

const PLACE = "postgres://joe@db/sluice";
const from = (message: string, code?: string) => Object.assign(new Error(message), { code });
const translated = (message: string, code?: string) => translatePostgresError(from(message, code), PLACE);

test("a full disk, and what may pass, become codes of the catalogue", () => {
  const full = translated("could not extend file", "53100") as ServingError;
  assert.deepEqual([full.code, full.status, full.isRetriable], ["STORE_FULL", 507, true]);
  assert.match(full.message, /could not extend file \(postgres:\/\/joe@db\/sluice\)/);
  for (const [message, code] of [
    ["cannot execute UPDATE in a read-only transaction", "25006"],
    ["canceling statement due to statement timeout", "57014"],
    ["terminating connection due to administrator command", "57P01"],
    ["the database system is starting up", "57P03"],
    ["sorry, too many clients already", "53300"],
    ["terminating connection due to idle-in-transaction timeout", "25P03"],
    ["connection failure", "08006"],
    ["connect ECONNREFUSED", "ECONNREFUSED"],
    ["Connection terminated unexpectedly", undefined],
    ["timeout exceeded when trying to connect", undefined],
    ["Query read timeout", undefined],
  ] as const) {
    const error = translated(message, code);
    assert.ok(error instanceof ServingError, message);
    assert.deepEqual([error.code, error.isRetriable], ["STORE_UNAVAILABLE", true], message);
  }
});

test("what a person has to put right names the place; a bug is handed back as it is", () => {
  for (const code of ["28P01", "3D000", "42501", "42P01"]) {
    const error = translated("as the server says", code) as Error;
    assert.ok(!(error instanceof ServingError));
    assert.match(error.message, /postgres:\/\/joe@db\/sluice cannot be used: as the server says/);
  }
  const bug = new TypeError("x is not a function");
  assert.equal(translatePostgresError(bug, PLACE), bug);
  const ours = new ServingError("NOT_LEADER", { leader: null });
  assert.equal(translatePostgresError(ours, PLACE), ours);
});

test("after a lost connection nobody knows what was done; after an answer everybody does", () => {
  assert.ok(isConnectionLoss(from("Connection terminated unexpectedly")));
  assert.ok(isConnectionLoss(from("terminating connection", "57P01")));
  assert.ok(!isConnectionLoss(from("could not extend file", "53100")));
  assert.ok(!isConnectionLoss(from("deadlock detected", "40P01")));
});
