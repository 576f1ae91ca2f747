import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { gzipSync } from "node:zlib";
import { FetchError } from "../../ports/files.ts";
import { type ArchiveEntry, tarGzOf, tarOf, zipOf } from "../../testing/archive-bytes.ts";
import { unpack } from "./archive.ts";
import { CACHE_LIMITS, type CacheLimits } from "./limits.ts";

const never = new AbortController().signal;
let dir: string;
let into: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "sluice-unpack-"));
  into = join(dir, "in", "to");
  mkdirSync(into, { recursive: true });
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function unpackBytes(bytes: Buffer, limits: Partial<CacheLimits> = {}): Promise<void> {
  const file = join(dir, "archive");
  writeFileSync(file, bytes);
  await unpack(file, into, { ...CACHE_LIMITS, ...limits }, never);
}

/** Refused as the archive's fault, with this text, and nothing but the archive and the folder was made. */
async function assertRefused(bytes: Buffer, text: RegExp, limits: Partial<CacheLimits> = {}): Promise<void> {
  await assert.rejects(unpackBytes(bytes, limits), (error) => {
    assert.ok(error instanceof FetchError, String(error));
    assert.match(error.message, text);
    assert.equal(error.isRetriable, false);
    return true;
  });
  assert.deepEqual(readdirSync(dir).toSorted(), ["archive", "in"]);
  assert.deepEqual(readdirSync(join(dir, "in")), ["to"]);
}

const read = (name: string) => readFileSync(join(into, name), "utf8");
const makers = { tar: tarOf, "tar.gz": tarGzOf, zip: (entries: readonly ArchiveEntry[]) => zipOf(entries) };
const symlink = (name: string, target: string): ArchiveEntry => ({ name, target, type: "SymbolicLink" });

for (const [kind, make] of Object.entries(makers)) {
  test(`${kind}: files, folders, links inside, modes`, async () => {
    const entries: ArchiveEntry[] = [
      { name: "./model/weights.bin", content: "w".repeat(200_000) },
      { name: "model/empty" },
      { name: "run.sh", content: "#!", mode: 0o4755 },
      symlink("latest", "model"),
      symlink("model/same", "../model/weights.bin"),
      { name: "ü/ß.txt", content: "text" },
    ];
    await unpackBytes(make(entries));
    assert.equal(read("model/weights.bin").length, 200_000);
    assert.equal(read("model/empty"), "");
    assert.equal(read("latest/same").length, 200_000);
    assert.equal(read("ü/ß.txt"), "text");
    assert.equal(statSync(join(into, "run.sh")).mode & 0o7777, 0o755, "no setuid");
    assert.equal(statSync(join(into, "model/empty")).mode & 0o7777, 0o644);
  });

  const bad: Record<string, readonly [ArchiveEntry[], RegExp]> = {
    "a name with ..": [[{ name: "../evil", content: "x" }], /"\.\.\/evil"|invalid relative path: \.\.\/evil/],
    "a name with .. inside": [[{ name: "a/../../evil" }], /a\/\.\.\/\.\.\/evil/],
    "an absolute name": [[{ name: "/tmp/sluice-evil" }], /\/tmp\/sluice-evil/],
    "a Windows name": [[{ name: "a\\..\\..\\evil" }], /a\\*\.\.|a\/\.\.\/\.\.\/evil/],
    "a link outside": [[symlink("out", "../../evil")], /link "out" points (outside|to nothing)/],
    "an absolute link": [[symlink("out", "/etc/passwd")], /link "out" points outside, to "\/etc\/passwd"/],
    "a link to nothing": [[symlink("out", "none")], /link "out" points to nothing, at "none"/],
    "a link in a circle": [[symlink("a", "b"), symlink("b", "a")], /link "a" points to nothing/],
    "a file below a link": [
      [symlink("d", "."), { name: "d/f", content: "x" }],
      /"d" is below a symlink, "d"/,
    ],
    "a file in place of a link": [[symlink("d", "/etc/passwd"), { name: "d" }], /link "d" points outside/],
    "a link in place of a file": [[{ name: "d", content: "x" }, symlink("d", "e")], /"d" is in it twice/],
    "a file twice": [[{ name: "d" }, { name: "./d" }], /"\.\/d" is in it twice/],
    "a file as a folder": [[{ name: "d" }, { name: "d/e" }], /is below a file, "d"/],
    "a fifo": [[{ name: "p", type: "FIFO" }], /"p" is neither file, folder nor link/],
    // Each link alone stays inside by its text; followed one after the other they do not.
    "links that only together lead outside": [
      [{ name: "a/b/f" }, symlink("a/b/top", "../.."), symlink("out", "a/b/top/../../..")],
      /link "out" points outside/,
    ],
  };
  for (const [title, [entries, text]] of Object.entries(bad)) {
    test(`${kind}: refuses ${title}`, () => assertRefused(make(entries), text));
  }

  test(`${kind}: refuses more entries than the limit`, () =>
    assertRefused(make([{ name: "a" }, { name: "b" }, { name: "c" }]), /more than 2 entries/, {
      entriesMax: 2,
    }));

  test(`${kind}: refuses to unpack to more than the limit`, () =>
    assertRefused(make([{ name: "a", content: "x".repeat(5000) }]), /unpacks to more than 4000 bytes/, {
      unpackedBytesMax: 4000,
    }));
}

test("a hard link to a file before it is a second name for it; any other is refused", async () => {
  const link = (target: string): ArchiveEntry => ({ name: "hard", target, type: "Link" });
  await unpackBytes(tarOf([{ name: "a", content: "text" }, link("a")]));
  assert.equal(read("hard"), "text");
  rmSync(into, { recursive: true });
  mkdirSync(into);
  await assertRefused(tarOf([link("../archive")]), /link "hard" points outside, to "\.\.\/archive"/);
  await assertRefused(tarOf([link("/etc/passwd")]), /link "hard" points outside/);
  await assertRefused(tarOf([link("none")]), /points to "none", which is no file before it/);
  await assertRefused(tarOf([symlink("s", "."), link("s")]), /points to "s", which is no file/);
});

test("a bomb ends at the ratio, before it fills the disk", async () => {
  const limits = { unpackedBytesFree: 10_000, unpackedRatioMax: 10 };
  const bomb = gzipSync(tarOf([{ name: "zeros", content: Buffer.alloc(5_000_000) }]));
  await assertRefused(bomb, /unpacks to more than \d+ bytes, the limit for an archive of its size/, limits);
  assert.ok(statSync(join(into, "zeros")).size < 200_000);
});

test("devices are refused", () =>
  assertRefused(
    tarOf([{ name: "null", type: "CharacterDevice" }]),
    /"null" is neither .* but CharacterDevice/,
  ));

test("what is not an archive says what it is", async () => {
  await assertRefused(Buffer.from("<!DOCTYPE html><title>Sign in"), /begins with "<!DOCTYPE html>/);
  await assertRefused(Buffer.alloc(0), /is empty/);
  await assertRefused(Buffer.from("BZh91AY&SY"), /bzip2, which is not supported/);
  await assertRefused(gzipSync("just text"), /tar\.gz archive is broken/);
  await assertRefused(tarOf([]), /is empty|not a tar|broken/);
});

test("broken archives say what is wrong, at every length they are cut to", async () => {
  const content = Buffer.from(Array.from({ length: 30_000 }, (_, i) => (i * i * 31) % 251));
  const zip = zipOf([{ name: "a", content }]);
  const tarGz = tarGzOf([
    { name: "a", content },
    { name: "b", content },
  ]);
  const tar = tarOf([{ name: "a", content }]);
  for (const part of [0.1, 0.5, 0.9]) {
    for (const bytes of [zip, tarGz, tar]) {
      rmSync(into, { recursive: true });
      mkdirSync(into);
      await assertRefused(bytes.subarray(0, Math.floor(bytes.length * part)), /archive is broken: \w/);
    }
  }
});

test("damaged and unreadable zip entries are refused by name", async () => {
  const entries = [{ name: "a", content: "text" }];
  await assertRefused(zipOf(entries, { isCrcWrong: true }), /"a" is damaged: its CRC is wrong/);
  rmSync(into, { recursive: true });
  mkdirSync(into);
  await assertRefused(zipOf(entries, { isEncrypted: true }), /"a" is encrypted/);
  await assertRefused(zipOf(entries, { method: 12 }), /"a" is packed by method 12/);
});

test("archives of the usual tools are unpacked", async () => {
  const source = join(dir, "source");
  mkdirSync(join(source, "deep", "er"), { recursive: true });
  writeFileSync(join(source, "deep", "er", "f".repeat(90)), "long name");
  writeFileSync(join(source, "a.txt"), "text".repeat(1000));
  for (const format of ["gnu", "pax", "ustar"]) {
    execFileSync("tar", ["-C", source, `--format=${format}`, "-czf", join(dir, "archive"), "."]);
    rmSync(into, { recursive: true });
    mkdirSync(into);
    await unpack(join(dir, "archive"), into, CACHE_LIMITS, never);
    assert.equal(read(join("deep", "er", "f".repeat(90))), "long name");
    assert.equal(read("a.txt"), "text".repeat(1000));
  }
});

test("unpacking ends with the signal's reason", async () => {
  writeFileSync(join(dir, "archive"), tarGzOf([{ name: "a", content: "x".repeat(100_000) }]));
  const reason = new Error("enough");
  await assert.rejects(unpack(join(dir, "archive"), into, CACHE_LIMITS, AbortSignal.abort(reason)), reason);
  assert.ok(!existsSync(join(into, "a")));
});
