import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { pmmlDocument } from "../testing/api-app.ts";
import { cliBench } from "../testing/cli-run.ts";

async function withService(t: TestContext) {
  const bench = await cliBench(t);
  const file = bench.write("a.json", {
    ...pmmlDocument("a", 1),
    model_path: bench.write("lr.pmml", "a model"),
  });
  const created = await bench.run(["create", file]);
  assert.equal(created.code, 0, created.err);
  return { ...bench, kept: join(bench.home, "kept.gz") };
}

test("backup writes a file for its owner only; restore shows what it would do, asks, and does it", async (t) => {
  const { run, home, kept, control } = await withService(t);
  const made = await run(["backup", "kept.gz"]);
  assert.deepEqual([made.code, made.err], [0, ""]);
  assert.match(made.out, /has 1 services and 1 groups, with their tokens/);
  assert.equal(statSync(kept).mode & 0o777, 0o600);
  assert.deepEqual(
    readdirSync(home).filter((name) => name.includes("kept")),
    ["kept.gz"],
  );
  assert.match((await run(["restore", "kept.gz"])).out, /nothing to do/);

  assert.equal((await run(["delete", "a", "-y"])).code, 0);
  const plan = await run(["restore", "kept.gz", "--plan"]);
  assert.match(plan.out, /\+ group pmml\n {2}\+ service a\n/);
  assert.equal(control.services.size, 0);
  assert.equal((await run(["restore", "kept.gz"])).code, 2, "nobody to ask");
  assert.equal((await run(["restore", "kept.gz"], { answers: ["n"] })).code, 1);
  assert.equal(control.services.size, 0);
  const done = await run(["restore", "kept.gz"], { answers: ["y"] });
  assert.equal(done.code, 0, done.err);
  assert.equal(control.services.size, 1);
});

test("a file that is there is not replaced without a yes", async (t) => {
  const { run, kept } = await withService(t);
  writeFileSync(kept, "precious");
  assert.equal((await run(["backup", "kept.gz"])).code, 2);
  assert.equal((await run(["backup", "kept.gz"], { answers: [""] })).code, 1);
  assert.equal(readFileSync(kept, "utf8"), "precious");
  assert.equal((await run(["backup", "kept.gz", "-y"])).code, 0);
  assert.match(gunzipSync(readFileSync(kept)).toString(), /sluiceBackup/);
});

test("no folder, no file, no backup, a bomb: one sentence each", async (t) => {
  const { run, kept } = await withService(t);
  assert.match((await run(["backup", "nowhere/kept.gz"])).err, /cannot write .*nowhere/);
  assert.match((await run(["restore", "none.gz"])).err, /cannot read .*none\.gz/);
  writeFileSync(kept, "hello");
  assert.match((await run(["restore", "kept.gz"])).err, /no whole backup: line 1 is not JSON/);
  writeFileSync(kept, gzipSync(Buffer.alloc(300 * 1024 * 1024)));
  assert.match((await run(["restore", "kept.gz"])).err, /cannot read .*kept\.gz/);
});
