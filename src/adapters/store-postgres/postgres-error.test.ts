import assert from "node:assert/strict";
import test from "node:test";
import { ServingError } from "../../core/errors.ts";
import { translatePostgresError } from "./postgres-error.ts";

const failure = (code: string, text = "x") => Object.assign(new Error(text), { code });
const codeOf = (error: unknown) => {
  const translated = translatePostgresError(error, "db.example:5432");
  return translated instanceof ServingError ? translated.code : null;
};

test("a full disk, what may pass, and what does not are told apart", () => {
  assert.equal(codeOf(failure("53100")), "STORE_FULL");
  assert.equal(codeOf(failure("25006")), "STORE_UNAVAILABLE", "a database that stands by takes no writes");
  assert.equal(codeOf(failure("ECONNREFUSED")), "STORE_UNAVAILABLE");
  assert.equal(codeOf(new Error("Connection terminated unexpectedly")), "STORE_UNAVAILABLE");
  assert.equal(codeOf(failure("23505")), null);
});
