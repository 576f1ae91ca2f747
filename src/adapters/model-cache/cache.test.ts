import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { FetchError } from "../../ports/files.ts";
import { tarGzOf, zipOf } from "../../testing/archive-bytes.ts";
import { ModelCache, type ModelCacheOptions } from "./cache.ts";

const never = new AbortController().signal;
const archive = tarGzOf([
  { name: "model.pmml", content: "<PMML/>" },
  { name: "rows.json", content: "[]" },
]);
let dir: string;
let root: string;
let server: Server;
let requests: string[];
let answer: RequestListener;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "sluice-models-"));
  root = join(dir, "models");
  requests = [];
  answer = (_request, response) => response.end(archive);
  server = createServer((request, response) => {
    requests.push(request.url ?? "");
    answer(request, response);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
  rmSync(dir, { recursive: true, force: true });
});

const urlOf = (path: string) => `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
const newCache = (limits: ModelCacheOptions["limits"] = {}) =>
  new ModelCache({ root, bytesMax: 1e12, now: Date.now, limits: { progressMs: 0, idleMs: 5000, ...limits } });
const silent = () => {};

function get(path: string, cache = newCache(), say: (line: string) => void = silent, signal = never) {
  return cache.fetch({ kind: "url", url: urlOf(path) }, null, say, signal);
}

/** Nothing is left over: no work, no folder of files, no index. */
function assertNothingKept(): void {
  assert.deepEqual(readdirSync(join(root, "tmp")), []);
  assert.deepEqual(readdirSync(join(root, "index")), []);
  assert.deepEqual(readdirSync(root).toSorted(), ["index", "partial", "tmp"]);
}

async function assertFails(work: Promise<string>, text: RegExp, isRetriable: boolean): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof FetchError, String(error));
    assert.match(error.message, text);
    assert.equal(error.isRetriable, isRetriable);
    return true;
  });
  assertNothingKept();
}

test("an archive behind a URL is unpacked by its hash, and fetched once, also by the next process", async () => {
  const lines: string[] = [];
  const folder = await get("/m.tar.gz?sign=SECRET", newCache(), (line) => lines.push(line));
  assert.equal(folder, join(root, createHash("sha256").update(archive).digest("hex")));
  assert.deepEqual(readdirSync(folder).toSorted(), ["model.pmml", "rows.json"]);
  assert.equal(readFileSync(join(folder, "model.pmml"), "utf8"), "<PMML/>");
  assert.deepEqual([lines[0], lines.at(-1)], ["Downloading http file [0%]", "Unpacking files"]);
  assert.equal(await get("/m.tar.gz?sign=SECRET"), folder);
  assert.equal(requests.length, 1);
  const [index] = readdirSync(join(root, "index"));
  assert.doesNotMatch(readFileSync(join(root, "index", index as string), "utf8"), /SECRET/);
  assert.equal(statSync(root).mode & 0o777, 0o700);
  assert.deepEqual(readdirSync(join(root, "tmp")), []);
});

test("two URLs with one content share a folder; a lost folder is fetched again", async () => {
  const cache = newCache();
  const [first, second] = await Promise.all([get("/a.tar.gz", cache), get("/b.tar.gz", cache)]);
  assert.equal(first, second);
  assert.equal(requests.length, 2);
  rmSync(first, { recursive: true });
  assert.equal(await get("/a.tar.gz", cache), first);
  assert.equal(requests.length, 3);
  assert.ok(statSync(join(first, "model.pmml")).isFile());
});

test("progress is in percent when the server says how much it is", async () => {
  answer = (_request, response) => {
    response.setHeader("content-length", archive.length);
    response.write(archive.subarray(0, archive.length >> 1));
    setImmediate(() => response.end(archive.subarray(archive.length >> 1)));
  };
  const lines: string[] = [];
  await get("/m.tar.gz", newCache(), (line) => lines.push(line));
  assert.equal(lines[0], "Downloading http file [0%]");
  assert.ok(lines.includes("Downloading http file [100%]"), lines.join());
  assert.ok(lines.slice(0, -1).every((line) => /^Downloading http file \[\d+%\]$/.test(line)));
  answer = (_request, response) => void response.write(archive, () => response.end());
  lines.length = 0;
  await get("/unknown-length.tar.gz", newCache(), (line) => lines.push(line));
  assert.deepEqual(lines, ["Downloading http file [0 MB]"], "and the same content is not unpacked again");
});

test("who asks for the same at the same time shares one download; it ends when nobody wants it any more", async () => {
  const responses: ServerResponse[] = [];
  const asked = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  answer = (request, response) => {
    response.writeHead(200);
    response.write(archive.subarray(0, 10));
    responses.push(response);
    request.socket.once("close", closed.resolve);
    asked.resolve();
  };
  const cache = newCache();
  const [one, two] = [new AbortController(), new AbortController()];
  const first = get("/m.tar.gz", cache, silent, one.signal);
  const second = get("/m.tar.gz", cache, silent, two.signal);
  await asked.promise;
  const reason = new Error("no longer wanted");
  one.abort(reason);
  await assert.rejects(first, reason);
  responses[0]?.end(archive.subarray(10));
  await second;
  assert.equal(requests.length, 1);

  const third = get("/other.tar.gz", cache, silent, AbortSignal.abort(reason));
  await assert.rejects(third, reason);
  const four = new AbortController();
  const fourth = get("/other.tar.gz", cache, silent, four.signal);
  while (requests.length < 2) await new Promise(setImmediate);
  four.abort(reason);
  await assert.rejects(fourth, reason);
  await closed.promise;
});

test("redirects are followed, up to five; not to another kind of address", async () => {
  const to = (location: string) => (response: ServerResponse) => response.writeHead(302, { location }).end();
  answer = ({ url }, response) => {
    const hop = /^\/hop(\d)$/.exec(url ?? "")?.[1];
    if (Number(hop) < 5) to(`hop${Number(hop) + 1}`)(response);
    else response.end(archive);
  };
  assert.ok(statSync(await get("/hop0")).isDirectory());
  rmSync(root, { recursive: true });
  answer = (_request, response) => to("/again")(response);
  await assertFails(get("/m"), /redirects more than 5 times/, false);
  answer = (_request, response) => to("file:///etc/passwd")(response);
  await assertFails(get("/m"), /redirects to file:.*, which is not followed/, false);
});

describe("what goes wrong is named, and leaves nothing", () => {
  test("404, and 503 that may pass", async () => {
    answer = (_request, response) => response.writeHead(404).end("no");
    await assertFails(
      get("/m.tar.gz?sign=SECRET"),
      /^http:\/\/127\.0\.0\.1:\d+\/m\.tar\.gz\?… answered 404 Not Found$/,
      false,
    );
    answer = (_request, response) => response.writeHead(503).end("later");
    await assertFails(get("/m.tar.gz"), /answered 503 Service Unavailable/, true);
  });

  test("a connection cut half way, with and without a known length", async () => {
    answer = (_request, response) => {
      response.setHeader("content-length", archive.length);
      response.write(archive.subarray(0, 50), () => response.destroy());
    };
    await assertFails(get("/m.tar.gz"), /m\.tar\.gz cannot be fetched: \w+/, true);
    answer = (_request, response) => void response.write(archive.subarray(0, 50), () => response.destroy());
    await assertFails(get("/m.tar.gz"), /m\.tar\.gz cannot be fetched: \w+/, true);
  });

  test("nobody listens there", async () => {
    await assertFails(
      newCache().fetch({ kind: "url", url: "http://127.0.0.1:1/m.zip" }, null, silent, never),
      /http:\/\/127\.0\.0\.1:1\/m\.zip cannot be fetched: .*ECONNREFUSED/,
      true,
    );
  });

  test("a server that is silent before its answer, or within it", async () => {
    answer = () => {};
    await assertFails(get("/m.tar.gz", newCache({ idleMs: 50 })), /was silent for 50 ms/, true);
    answer = (_request, response) => void response.write("x");
    await assertFails(get("/m.tar.gz", newCache({ idleMs: 50 })), /was silent for 50 ms/, true);
  });

  test("larger than the limit, announced or not", async () => {
    answer = (_request, response) => response.setHeader("content-length", 2 ** 40).write("x");
    await assertFails(
      get("/m.tar.gz", newCache({ archiveBytesMax: 1000 })),
      /is larger than 1000 bytes/,
      false,
    );
    answer = (_request, response) => {
      const more = () =>
        void (response.destroyed || response.write("x".repeat(500), () => setImmediate(more)));
      more();
    };
    await assertFails(
      get("/m.tar.gz", newCache({ archiveBytesMax: 1000 })),
      /is larger than 1000 bytes/,
      false,
    );
  });

  test("not an archive, and one that leads outside", async () => {
    answer = (_request, response) => response.end("<!DOCTYPE html><title>Sign in</title>");
    await assertFails(
      get("/m.tar.gz"),
      /m\.tar\.gz: it is not a tar\.gz, tar or zip archive; it begins with "<!DOCTYPE/,
      false,
    );
    answer = (_request, response) => response.end(tarGzOf([{ name: "../../evil" }]));
    await assertFails(get("/m.tar.gz"), /the name "\.\.\/\.\.\/evil" leads outside/, false);
    assert.deepEqual(readdirSync(dir), ["models"]);
  });
});

test("a path is checked and answered as it is", async () => {
  const cache = newCache();
  const file = join(dir, "model.pmml");
  writeFileSync(file, "<PMML/>");
  const path = (at: string) => cache.fetch({ kind: "path", path: at }, null, silent, never);
  assert.equal(await path(file), file);
  assert.equal(await path(dir), dir);
  await assertFails(path(join(dir, "none")), /\/none does not exist$/, false);
  await assertFails(path(join(file, "x")), /\/x does not exist: a part of it is a file/, false);
  await assertFails(path("/dev/null"), /\/dev\/null is neither file nor folder/, false);
});

test("a local archive is unpacked by content, and again when it was changed", async () => {
  const cache = newCache();
  const file = join(dir, "package.zip");
  writeFileSync(file, zipOf([{ name: "app.py", content: "one" }]));
  const bring = () => cache.fetch({ kind: "path", path: file }, null, silent, never);
  const [first, same] = await Promise.all([bring(), bring()]);
  assert.equal(first, same);
  assert.equal(readFileSync(join(first, "app.py"), "utf8"), "one");
  writeFileSync(file, zipOf([{ name: "app.py", content: "two" }]));
  utimesSync(file, 1, 1);
  const second = await bring();
  assert.equal(readFileSync(join(second, "app.py"), "utf8"), "two");
  assert.equal(
    readFileSync(join(first, "app.py"), "utf8"),
    "one",
    "who runs on the old one is not disturbed",
  );
  writeFileSync(file, "not a zip");
  await assert.rejects(bring(), /package\.zip: it is not a tar\.gz, tar or zip archive/);
});

test("what a killed process left half done is removed at start", () => {
  mkdirSync(join(root, "tmp", "old", "files"), { recursive: true });
  newCache();
  assert.deepEqual(readdirSync(join(root, "tmp")), []);
});

const isRoot = process.getuid?.() === 0;
test("a full disk is named, and left as it was", {
  skip: !isRoot && "mounting a small disk needs root",
}, async () => {
  mkdirSync(root);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "none", root]);
  try {
    answer = (_request, response) => response.end(Buffer.alloc(1_000_000, 1));
    await assertFails(get("/m.tar.gz"), /the disk of .*models is full/, true);
    answer = (_request, response) =>
      response.end(tarGzOf([{ name: "zeros", content: Buffer.alloc(1_000_000) }]));
    await assertFails(get("/m.tar.gz"), /the disk of .*models is full/, true);
    answer = (_request, response) => response.end(archive);
    assert.ok(statSync(await get("/m.tar.gz")).isDirectory());
  } finally {
    execFileSync("umount", ["-l", root]);
  }
});

test("an entry that is asked for must be a file in what was brought", async () => {
  const folder = join(root, "with-entry");
  mkdirSync(join(folder, "sub"), { recursive: true });
  writeFileSync(join(folder, "sub", "model.bin"), "m");
  const cache = newCache();
  const bring = (path: string, entry: string) => cache.fetch({ kind: "path", path }, entry, silent, never);
  assert.equal(await bring(folder, "sub/model.bin"), folder);
  assert.equal(await bring(join(folder, "sub", "model.bin"), "model.bin"), join(folder, "sub", "model.bin"));
  const isFolder = ": it is a folder, and no Python package with __main__.py or __init__.py";
  for (const [entry, more] of [["model.bin", ""] as const, ["sub", isFolder] as const]) {
    await assert.rejects(
      bring(folder, entry),
      (error: Error) => error.message === `${folder} has no file ${entry}${more}`,
    );
  }
  writeFileSync(join(folder, "sub", "__init__.py"), "");
  assert.equal(await bring(folder, "sub"), folder);
  assert.equal(await cache.look({ kind: "path", path: folder }, "sub"), "here");
});

test("a look brings nothing: a path is there or gone, a URL is here once it was brought", async () => {
  const cache = newCache();
  const file = join(dir, "line.json");
  writeFileSync(file, "{}");
  const path = (text: string, entry: string | null = null) => cache.look({ kind: "path", path: text }, entry);
  assert.deepEqual(
    [
      await path(file),
      await path(dir, "line.json"),
      await path(dir, "other.json"),
      await path(join(dir, "no")),
    ],
    ["here", "here", "gone", "gone"],
  );
  const url = { kind: "url", url: urlOf("/m.tar.gz") } as const;
  assert.equal(await cache.look(url, "model.pmml"), "unknown");
  assert.deepEqual(requests, []);
  await get("/m.tar.gz", cache);
  assert.deepEqual([await cache.look(url, "model.pmml"), await cache.look(url, "no.pmml")], ["here", "gone"]);
});

test("what may be a file is kept as one, under its name, and unpacked when it is an archive", async () => {
  const cache = newCache();
  const bring = (path: string, isFileToo: true | undefined) =>
    cache.fetch({ kind: "url", url: urlOf(path), ...(isFileToo ? { isFileToo } : {}) }, null, silent, never);
  const unpacked = await bring("/w.tar.gz", true);
  assert.deepEqual(readdirSync(unpacked).sort(), ["model.pmml", "rows.json"]);
  answer = (_request, response) => response.end("one\ntwo\n");
  await assert.rejects(bring("/model.txt", undefined), /model\.txt: it is not a tar\.gz, tar or zip/);
  const file = await bring("/dir/warm%20up.txt?secret=1", true);
  assert.match(file, /\/warm up\.txt$/);
  assert.equal(readFileSync(file, "utf8"), "one\ntwo\n");
  requests = [];
  assert.equal(await bring("/dir/warm%20up.txt?secret=1", true), file);
  assert.deepEqual(requests, [], "it is fetched once");
  // The end of a name says what is in it, however long it is.
  const long = await bring(`/${"%E7%83%AD".repeat(100)}.bin`, true);
  assert.match(long, /\/\p{L}+\.bin$/u);
  // Names that are none, or that would lead elsewhere.
  for (const path of ["/", "/%2e%2e%2f", "/a/..%2f..%2fevil", "/%ff", "/%00"])
    assert.match(
      await bring(`${path}?${encodeURIComponent(path)}`, true),
      /\/models\/[0-9a-f]{64}\/[^/]+$/,
      path,
    );
  assert.deepEqual(readdirSync(dir), ["models"]);
});

test("a file that a warm-up brought is no archive where one is due, before, after and meanwhile", async () => {
  const cache = newCache();
  const plain = { kind: "url", url: urlOf("/rows.txt") } as const;
  const warmUp = { ...plain, isFileToo: true } as const;
  const bring = (source: typeof plain | typeof warmUp) => cache.fetch(source, null, silent, never);
  const refusal = /rows\.txt: it is not a tar\.gz, tar or zip/;
  answer = (_request, response) => response.end("one\n");
  const [file, model] = await Promise.allSettled([bring(warmUp), bring(plain)]);
  assert.equal(file.status, "fulfilled");
  assert.match(String((model as PromiseRejectedResult).reason), refusal);
  await assert.rejects(bring(plain), refusal);
  assert.deepEqual([await cache.look(warmUp, null), await cache.look(plain, null)], ["here", "unknown"]);
  const [content] = await cache.contents();
  assert.deepEqual([content?.isOf(warmUp), content?.isOf(plain)], [true, false]);
  assert.equal(await bring(warmUp), file.status === "fulfilled" && file.value);
});
