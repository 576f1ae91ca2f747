import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { jsonLog } from "./log.ts";

let dir: string;
before(() => {
  dir = mkdtempSync(join(tmpdir(), "sluice-log-"));
});
after(() => rmSync(dir, { recursive: true, force: true }));

const linesOf = (file: string) =>
  readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { time?: string; error?: { message: string } });

test("lines are JSON with level, time, facts and text, in a file for its owner, added to", () => {
  const file = join(dir, "new", "a.log");
  jsonLog({ level: "info", destination: file }).debug({}, "not shown");
  jsonLog({ level: "info", destination: file }).info({ service: "a" }, "created");
  jsonLog({ level: "debug", destination: file }).error({ error: new Error("why") }, "failed");
  const [first, second, ...more] = linesOf(file);
  assert.deepEqual(more, []);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.ok(Math.abs(Date.parse(first?.time ?? "") - Date.now()) < 60_000);
  assert.deepEqual(
    { ...first, time: "" },
    { level: "info", time: "", pid: process.pid, service: "a", msg: "created" },
  );
  assert.equal(second?.error?.message, "why");
});

test("secrets do not reach the file, at any of three depths", () => {
  const file = join(dir, "secret.log");
  const log = jsonLog({ level: "info", destination: file });
  const facts = {
    token: "S1",
    record: { token: "S2", tokens: ["S3"] },
    a: { headers: { authorization: "S4" } },
  };
  log.info({ ...facts, secret: "S5", password: "S6" }, "created");
  const text = readFileSync(file, "utf8");
  assert.doesNotMatch(text, /S\d/);
  assert.match(text, /\*\*\*/);
  assert.equal(facts.record.token, "S2", "the facts themselves are left alone");
});

const isRoot = process.getuid?.() === 0;
test("a full disk stops nothing", { skip: !isRoot && "mounting a small disk needs root" }, (t) => {
  const disk = mkdtempSync(join(tmpdir(), "sluice-disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "none", disk]);
  t.after(() => {
    execFileSync("umount", ["-l", disk]);
    rmSync(disk, { recursive: true, force: true });
  });
  const log = jsonLog({ level: "info", destination: join(disk, "a.log") });
  assert.throws(() => writeFileSync(join(disk, "fill"), "x".repeat(100_000)), { code: "ENOSPC" });
  for (let i = 0; i < 100; i++) log.error({ i }, "x".repeat(1000));
});
