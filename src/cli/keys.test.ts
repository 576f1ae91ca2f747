import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { TEST_KEY } from "../testing/api-app.ts";
import { cliBench } from "../testing/cli-run.ts";

test("keys are made, listed, rotated and revoked; the secret is shown once", async (t) => {
  const { run } = await cliBench(t);
  const made = await run([
    "key",
    "create",
    "--role",
    "operator",
    "--note",
    "CI",
    "--group",
    "a",
    "--group",
    "b",
    "--workspace",
    "7",
    "--expires",
    "2h",
  ]);
  assert.equal(made.code, 0, made.err);
  const [, id] = /AccessKeyId \| (\S+)/.exec(made.out)!;
  const [, secret] = /AccessKeySecret \| (\S+)/.exec(made.out)!;
  const listed = await run(["key", "ls"]);
  assert.match(
    listed.out,
    new RegExp(
      `\\| ${id} *\\| operator \\| a, b, workspace 7 \\| 2022-06-05T14:30:49Z \\| 2022-06-05T16:30:49Z`,
    ),
  );
  assert.match(listed.out, /\| test +\| admin +\|/);
  assert(!listed.out.includes(secret!));
  const rotated = await run(["key", "rotate", id!, "--grace", "0"]);
  assert.match(rotated.out, /the old one opens nothing any more/);
  assert.equal((await run(["key", "revoke", id!])).code, 2, "asks first");
  const revoked = await run(["key", "revoke", id!, "-y"]);
  assert.match(revoked.out, /is revoked/);
  const again = await run(["key", "revoke", id!, "-y"]);
  assert.deepEqual([again.code, again.err.includes(`there is no access key ${id}`)], [1, true]);
  const own = await run(["key", "revoke", "test", "-y"]);
  assert.match(own.err, /it can be rotated, not revoked/);
});

test("what makes no sense is told", async (t) => {
  const { run } = await cliBench(t);
  for (const [argv, told] of [
    [["key", "create"], /--role viewer, operator or admin/],
    [["key", "create", "--role", "admin", "--expires", "soon"], /--expires takes a time such as 90s/],
    [
      ["key", "create", "--role", "admin", "--group", "a"],
      /\$\.Role: found admin, allowed: operator or viewer/,
    ],
    [["key", "create", "--role", "viewer", "--group", "A!"], /\$\.Groups\[0\]/],
    [["key", "create", "--role", "viewer", "--note", "n".repeat(201)], /\$\.Note/],
    [["key", "rotate"], /say which key/],
    [["audit", "-n", "0"], /from 1 to 1000/],
    [["audit", "--since", "1w"], /--since takes/],
  ] as const) {
    const { code, err } = await run(argv);
    assert.notEqual(code, 0, argv.join(" "));
    assert.match(err, told);
  }
});

test("the key of the client's file is rotated there, too", async (t) => {
  const { run, home, write } = await cliBench(t);
  const before = JSON.parse(readFileSync(join(home, "config.json"), "utf8"));
  write("config.json", { ...before, keyId: "test" });
  const rotated = await run(["key", "rotate", "--grace", "0"]);
  assert.equal(rotated.code, 0, rotated.err);
  const [, secret] = /AccessKeySecret \| (\S+)/.exec(rotated.out)!;
  assert.deepEqual(JSON.parse(readFileSync(join(home, "config.json"), "utf8")), {
    ...before,
    keyId: "test",
    key: secret,
  });
  assert.equal((await run(["ls"])).code, 0);
  assert.match((await run(["ls", "-k", TEST_KEY])).err, /not one of this server's/);
});

test("with profiles it is the key of the one in use, and each profile that has it gets the new secret", async (t) => {
  const { run, home, write } = await cliBench(t);
  const file = join(home, "config.json");
  const { address, key, region, gateway } = JSON.parse(readFileSync(file, "utf8"));
  const here = { address, key, keyId: "test" };
  const elsewhere = { address: "http://127.0.0.1:1", key: "another", keyId: "another's" };
  const before = { ...elsewhere, profile: "here", profiles: { here, also: { ...here, region, gateway } } };
  write("config.json", before);
  const rotated = await run(["key", "rotate", "--grace", "0"]);
  assert.equal(rotated.code, 0, rotated.err);
  const [, secret] = /AccessKeySecret \| (\S+)/.exec(rotated.out)!;
  const { profiles, ...rest } = JSON.parse(readFileSync(file, "utf8"));
  assert.deepEqual(rest, { ...elsewhere, profile: "here" }, "the other installation's is left alone");
  assert.deepEqual([profiles.here.key, profiles.also.key], [secret, secret]);
  assert.equal((await run(["ls"])).code, 0);
});

test("the audit log is shown newest first", async (t) => {
  const { run } = await cliBench(t);
  assert.equal((await run(["group", "create", "a"])).code, 0);
  assert.equal((await run(["group", "delete", "a", "-y"])).code, 0);
  const { out } = await run(["audit"]);
  const rows = out.split("\n").filter((line) => line.includes("group/a"));
  assert.match(rows[0]!, /\| test +\| \S+ +\| DeleteGroup +\| group\/a \| group a removed/);
  assert.match(rows[1]!, /CreateGroup +\| group\/a \| group a: created/);
});
