import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { PostgresAddress } from "./address.ts";

const refused = (text: string): string => {
  try {
    new PostgresAddress(text);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error(`${text} was taken`);
};

test("host, port, user and database come from the URL, or from its parameters", () => {
  const a = new PostgresAddress("postgres://joe:p%40ss@db.example:6543/sluice?sslmode=disable");
  assert.deepEqual(
    [a.host, a.port, a.user, a.password, a.database, a.ssl],
    ["db.example", 6543, "joe", "p@ss", "sluice", false],
  );
  const b = new PostgresAddress("postgresql:///d?host=/var/run/postgresql&user=joe&port=5433");
  assert.deepEqual(
    [b.host, b.port, b.user, b.password, b.database],
    ["/var/run/postgresql", 5433, "joe", "", "d"],
  );
  const c = new PostgresAddress("postgres://joe@[::1]/d", "from-elsewhere");
  assert.deepEqual([c.host, c.port, c.password], ["::1", 5432, "from-elsewhere"]);
  assert.equal(new PostgresAddress("postgres://joe:own@localhost/d", "else").password, "own");
});

test("nothing that prints an address shows its password, nor what was given when it is none", () => {
  const a = new PostgresAddress("postgres://joe:s3cr3t@localhost/d");
  for (const text of [String(a), JSON.stringify({ a }), inspect(a, { depth: 9, showHidden: true })])
    assert.doesNotMatch(text, /s3cr3t/);
  assert.equal(String(a), "postgres://joe@localhost:5432/d");
  for (const text of [
    "s3cr3t",
    "mysql://joe:s3cr3t@localhost/d",
    "postgres://joe:s3cr3t@/d",
    "postgres://joe:s3cr3t@h:99999/d",
    "postgres://joe:s3cr3t%@localhost/d",
    "postgres://joe:s3cr3t@localhost",
    "postgres://:s3cr3t@localhost/d",
    "postgres://joe:s3cr3t@localhost/d?port=http",
    "postgres://joe:s3cr3t@far.example/d?sslmode=prefer",
    "postgres://joe:s3cr3t@localhost/d?sslmode=verify-full&sslrootcert=/not/there",
  ])
    assert.doesNotMatch(refused(text), /s3cr3t/, text);
});

test("a parameter that would do nothing is refused by name", () => {
  assert.match(refused("postgres://joe@localhost/d?application_name=x"), /"application_name"/);
});

test("TLS is what sslmode says, and must be said for another machine", () => {
  const ssl = (mode: string) => {
    const { ssl: found } = new PostgresAddress(`postgres://joe@far.example/d${mode}`);
    if (found === false) return found;
    return [found.rejectUnauthorized, found.checkServerIdentity === undefined];
  };
  assert.match(refused("postgres://joe@far.example/d"), /needs the parameter sslmode: disable, require/);
  assert.match(refused("postgres://joe@far.example/d?sslmode=prefer"), /sslmode is not known/);
  assert.equal(ssl("?sslmode=disable"), false);
  assert.deepEqual(ssl("?sslmode=require"), [false, false]);
  assert.deepEqual(ssl("?sslmode=verify-ca"), [true, false]);
  assert.deepEqual(ssl("?sslmode=verify-full"), [true, true]);
  assert.equal(new PostgresAddress("postgres://joe@127.0.0.1/d").ssl, false);
  assert.match(refused("postgres:///d?host=/run&user=joe&sslmode=require"), /no TLS on a unix socket/);
});
