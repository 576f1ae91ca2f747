import assert from "node:assert/strict";
import { chmodSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { cliBench } from "../../testing/cli-run.ts";

test("config writes the client's file, readable by its owner only", async (t) => {
  const { run, address, home } = await cliBench(t);
  const file = join(home, "other.json");
  const host = address.replace("http://", "");
  const { code, out } = await run(["-c", file, "config", "-i", "me", "-k", "test-key", "-e", host]);
  assert.deepEqual([code, out], [0, `[OK] Configuration was written to ${file}\n`]);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(JSON.parse(readFileSync(file, "utf8")), {
    address,
    region: "local",
    keyId: "me",
    key: "test-key",
  });
  assert.equal((await run(["-c", file, "ls"])).code, 0);
  assert.equal(
    (await run(["ls", "-e", host, "-k", "test-key"], { env: { SLUICE_HOME: "/nowhere" } })).code,
    0,
  );
  assert.equal((await run(["config"])).code, 2);
  const away = await run(["-c", file, "config", "-e", "127.0.0.1:1"]);
  assert.equal(away.code, 0);
  assert.match(
    away.err,
    /^\[WARNING\] no answer from http:\/\/127\.0\.0\.1:1: .*It was written nevertheless/,
  );
  assert.deepEqual(JSON.parse(readFileSync(file, "utf8")), {
    address: "http://127.0.0.1:1",
    keyId: "me",
    key: "test-key",
  });
});

test("profiles: several installations in one file, one of them in use", async (t) => {
  const { run, address, home } = await cliBench(t);
  const host = address.replace("http://", "");
  const file = join(home, "config.json");
  const read = () => JSON.parse(readFileSync(file, "utf8"));
  const before = read();
  const added = await run(["config", "add", "prod", "-e", host, "-k", "old-key", "-i", "me"]);
  assert.equal(added.code, 0, added.err);
  // The file of before is the default profile, unchanged: an older client reads it as it did.
  assert.deepEqual(read(), {
    ...before,
    profiles: { prod: { address, region: "local", keyId: "me", key: "old-key" } },
  });
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal((await run(["config", "add", "prod", "-e", host, "-k", "x"])).code, 2, "it is there");
  assert.equal((await run(["config", "add", "half", "-e", host])).code, 2);
  assert.equal((await run(["config", "add", "a b", "-e", host, "-k", "x"])).code, 2);

  assert.equal(
    (await run(["config", "add", "away", "-e", "127.0.0.1:1", "-k", "a-key-of-some-length"])).code,
    0,
  );
  assert.match((await run(["--profile", "away", "ls"])).err, /no answer from http:\/\/127\.0\.0\.1:1/);
  assert.equal((await run(["ls", "--profile", "prod"])).code, 0);
  assert.equal((await run(["ls"], { env: { SLUICE_PROFILE: "prod" } })).code, 0);
  assert.equal((await run(["ls", "--profile", "default"], { env: { SLUICE_PROFILE: "away" } })).code, 0);
  assert.match(
    (await run(["ls", "--profile", "nope"])).err,
    /config\.json has no profile nope; it has default, away, prod/,
  );
  assert.equal((await run(["config", "use", "away"])).code, 0);
  assert.equal((await run(["ls"])).code, 1);
  const listed = await run(["config", "ls"]);
  assert.match(listed.out, /\| away +\| yes +\| http:\/\/127\.0\.0\.1:1 +\| +\| +\| a-ke… \|/);
  assert.doesNotMatch(listed.out, /old-key|test-key|a-key-of/);
  // What is not named stays as it is, and `config` writes the profile in use.
  assert.equal((await run(["config", "-e", host, "-k", "test-key"])).code, 0);
  assert.deepEqual(read().profiles.away, { address, region: "local", key: "test-key" });
  assert.deepEqual(read().address, before.address);
  assert.match((await run(["config", "show"])).out, /Profile \| away +\|/);
  assert.deepEqual(JSON.parse((await run(["config", "show", "prod", "--output", "json"])).out).Key, "…");
  assert.equal((await run(["config", "rm", "away"])).code, 2, "nobody to ask");
  assert.equal((await run(["config", "rm", "away", "-y"])).code, 0);
  assert.equal(read().profile, undefined, "the default one is in use again");
  assert.equal((await run(["config", "rm", "prod", "-y"])).code, 0);
  assert.deepEqual(read(), before);
  for (const verb of ["use", "rm", "show"])
    assert.equal((await run(["config", verb, "gone", "-y"])).code, 1, verb);
  assert.equal((await run(["config", "use", "default"])).code, 0);
});

test("a key need not stand in the list of processes: standard input, a file, the environment", async (t) => {
  const { run, write, address, home } = await cliBench(t);
  const nowhere = { SLUICE_HOME: "/nowhere" };
  const at = ["ls", "-e", address];
  assert.equal((await run([...at, "-k", "-"], { stdin: "test-key\n", env: nowhere })).code, 0);
  assert.equal((await run([...at, "-k", "-"], { stdin: "wrong\n", env: nowhere })).code, 1);
  assert.equal((await run([...at, "-k", "-"], { stdin: "\n", env: nowhere })).code, 1);
  write("key", "test-key\n");
  assert.equal((await run([...at, "-k", "@key"], { env: nowhere })).code, 0);
  assert.match((await run([...at, "-k", "@none"], { env: nowhere })).err, /cannot read none/);
  assert.equal((await run(at, { env: { ...nowhere, SLUICE_KEY: "test-key" } })).code, 0);
  assert.equal((await run([...at, "-k", "test-key"], { env: { SLUICE_KEY: "wrong" } })).code, 0);
  const file = join(home, "mine.json");
  const made = await run(["-c", file, "config", "-e", address, "-k", "-"], { stdin: "test-key" });
  assert.equal(made.code, 0, made.err);
  assert.equal(JSON.parse(readFileSync(file, "utf8")).key, "test-key");
});

test("options of all verbs stand before and after the verb; what has no effect is said", async (t) => {
  const { run, address, home } = await cliBench(t);
  const env = { SLUICE_HOME: "/nowhere" };
  const all = ["-i", "id", "-k", "test-key", "-e", address];
  assert.equal((await run([...all, "ls"], { env })).code, 0);
  assert.equal((await run(["ls", ...all], { env })).code, 0);
  assert.equal((await run(["group", ...all, "ls"], { env })).code, 0);
  assert.equal((await run(["-c", join(home, "config.json"), "group", "ls"], { env })).code, 0);
  const sts = await run(["ls", "-t", "token"]);
  assert.deepEqual([sts.code, sts.err], [0, "[WARNING] -t has no effect here: there are no STS tokens\n"]);
});

test("a file that others can read is told of, for it holds a key", async (t) => {
  const { run, home } = await cliBench(t);
  chmodSync(join(home, "config.json"), 0o644);
  const { code, err } = await run(["ls"]);
  assert.equal(code, 0);
  assert.match(
    err,
    /^\[WARNING\] \S+config\.json holds a key and can be read by others; mend it with: chmod 600 /,
  );
});
