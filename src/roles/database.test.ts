import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openDatabase } from "./database.ts";
import { readServeSettings } from "./serve-settings.ts";

const dir = mkdtempSync(join(tmpdir(), "sluice-database-"));
after(() => rmSync(dir, { recursive: true }));
const settings = (store: string | undefined, env: NodeJS.ProcessEnv = {}) =>
  readServeSettings((name) => (name === "store" ? store : undefined), env).store;

test("a password may come by the environment or a file, and by no flag", () => {
  const url = "postgres://joe:s3cr3t@localhost/d";
  assert.equal(settings(undefined), null);
  assert.equal(settings("home"), null);
  assert.equal(settings("postgres://joe@localhost/d"), "postgres://joe@localhost/d");
  assert.equal(settings("file:/a/b"), "file:/a/b");
  assert.equal(settings(undefined, { SLUICE_STORE: url }), url);
  for (const flag of [url, "postgresql://joe:s3cr3t/x@localhost/d"])
    assert.throws(
      () => settings(flag),
      (error: Error) => {
        assert.match(error.message, /SLUICE_STORE, or by a file/);
        assert.doesNotMatch(error.message, /s3cr3t/);
        return true;
      },
    );
});

test("an address of the wrong form is refused without being repeated", () => {
  assert.throws(
    () => settings(undefined, { SLUICE_STORE: "mysql://joe:s3cr3t@h/d" }),
    (error: Error) => {
      assert.match(error.message, /^SLUICE_STORE: found something else, allowed: home, postgres:/);
      assert.doesNotMatch(error.message, /s3cr3t/);
      return true;
    },
  );
});

test("what is secret leaves the environment, which instances inherit", async () => {
  const env = { SLUICE_STORE: "x", PGPASSWORD: "s3cr3t", PATH: "/bin" };
  const { shown } = await openDatabase("postgres://joe@localhost/d", dir, env);
  assert.equal(shown, "postgres://joe@localhost:5432/d");
  assert.deepEqual(env, { PATH: "/bin" });
});

test("a file with the address is read; one that is not there, or holds something else, is named", async () => {
  const file = join(dir, "address");
  writeFileSync(file, "postgres://joe:s3cr3t@localhost/d\n");
  assert.equal((await openDatabase(`file:${file}`, dir, {})).shown, "postgres://joe@localhost:5432/d");
  await assert.rejects(
    openDatabase(`file:${dir}/none`, dir, {}),
    /--store: the file .* cannot be read: .*none/,
  );
  writeFileSync(file, "s3cr3t");
  await assert.rejects(
    openDatabase(`file:${file}`, dir, {}),
    (error: Error) => !error.message.includes("s3cr3t"),
  );
});
