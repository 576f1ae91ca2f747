import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { writeFileAtomic, writeFileAtomicSync } from "./atomic-file.ts";

let dir: string;
before(() => {
  dir = mkdtempSync(join(tmpdir(), "sluice-atomic-"));
});
after(() => rmSync(dir, { recursive: true, force: true }));

test("a file is made with its mode, and replaced", async () => {
  const path = join(dir, "a.json");
  await writeFileAtomic(path, "one", 0o600);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  writeFileAtomicSync(path, "two", 0o600);
  assert.equal(readFileSync(path, "utf8"), "two");
});

test("a reader never sees a part, whatever many writers do", async () => {
  const path = join(dir, "b.txt");
  const texts = Array.from({ length: 20 }, (_, i) => String.fromCharCode(97 + i).repeat(100_000));
  await Promise.all(texts.map((text) => writeFileAtomic(path, text, 0o600)));
  assert.ok(texts.includes(readFileSync(path, "utf8")));
});

test("a write that fails leaves nothing behind", async () => {
  const path = join(dir, "taken");
  mkdirSync(join(path, "full"), { recursive: true });
  await assert.rejects(writeFileAtomic(path, "x", 0o600));
  assert.throws(() => writeFileAtomicSync(path, "x", 0o600));
  assert.deepEqual(
    readdirSync(dir).filter((name) => name.endsWith(".tmp")),
    [],
  );
});
