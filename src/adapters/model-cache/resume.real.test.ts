import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { tarGzOf } from "../../testing/archive-bytes.ts";
import { ModelCache } from "./cache.ts";
import { Crc64 } from "./crc64.ts";

const never = new AbortController().signal;
const silent = () => {};
const contentOf = (bytes: number) => tarGzOf([{ name: "weights.bin", content: randomBytes(bytes) }]);

/** A server of one file that may change, with ETag and Range, and what it did. */
interface FileServer {
  file: Buffer;
  /** Cuts an answer after so many bytes of it; null: it is sent whole. */
  cut: (answers: number) => number | null;
  headers: Record<string, string>;
  /** Says another length than it sends. */
  saidLength: number | null;
  answers: number;
  bytesSent: number;
  ranges: string[];
}

let dir: string;
let root: string;
let server: Server;
let its: FileServer;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "sluice-resume-"));
  root = join(dir, "models");
  its = {
    file: contentOf(200_000),
    cut: () => null,
    headers: {},
    saidLength: null,
    answers: 0,
    bytesSent: 0,
    ranges: [],
  };
  server = createServer(answer);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
  rmSync(dir, { recursive: true, force: true });
});

function answer(request: IncomingMessage, response: ServerResponse): void {
  const etag = `"${createHash("sha256").update(its.file).digest("hex").slice(0, 20)}"`;
  const { range } = request.headers;
  if (range !== undefined) its.ranges.push(range);
  const from = range !== undefined && request.headers["if-range"] === etag ? Number(/\d+/.exec(range)) : 0;
  const rest = its.file.subarray(from);
  response.writeHead(from > 0 ? 206 : 200, {
    etag,
    "content-length": its.saidLength ?? rest.length,
    ...(from > 0 ? { "content-range": `bytes ${from}-${its.file.length - 1}/${its.file.length}` } : {}),
    ...its.headers,
  });
  const end = its.cut(its.answers++);
  const part = end === null ? rest : rest.subarray(0, end);
  its.bytesSent += part.length;
  response.write(part, () => {
    if (end === null) response.end();
    else setImmediate(() => response.destroy());
  });
}

const urlOf = (rest = "") => `http://127.0.0.1:${(server.address() as AddressInfo).port}/m.tar.gz${rest}`;
const newCache = (cutsMax = 100) =>
  new ModelCache({ root, now: Date.now, bytesMax: 1e12, limits: { progressMs: 0, cutsMax } });
const get = (cache = newCache(), rest = "", say: (line: string) => void = silent) =>
  cache.fetch({ kind: "url", url: urlOf(rest) }, null, say, never);

function assertIs(folder: string, file: Buffer): void {
  assert.equal(folder, join(root, createHash("sha256").update(file).digest("hex")));
  assert.ok(statSync(join(folder, "weights.bin")).size > 0);
  assert.deepEqual(readdirSync(join(root, "partial")), []);
}

test("a server that cuts each answer somewhere: the file is put together, and no byte comes twice", async () => {
  its.cut = (answers) => (answers < 20 ? 1 + answers * 97 : null);
  assertIs(await get(), its.file);
  assert.equal(its.answers, 21);
  assert.equal(its.bytesSent, its.file.length);
});

test("what one try brought is continued by the next, also of another process; progress goes on where it was", async () => {
  its.cut = () => 100_000;
  await assert.rejects(get(newCache(0)), /cannot be fetched/);
  const [part] = readdirSync(join(root, "partial")).filter((name) => !name.endsWith(".json"));
  const here = statSync(join(root, "partial", part as string)).size;
  assert.ok(here > 0);
  its.cut = () => null;
  const lines: string[] = [];
  assertIs(await get(newCache(), "", (line) => lines.push(line)), its.file);
  assert.deepEqual(its.ranges, [`bytes=${here}-`]);
  assert.equal(its.bytesSent, 100_000 + its.file.length - here);
  assert.equal(lines[0], `Downloading http file [${Math.floor((here * 100) / its.file.length)}%]`);
});

test("another file under the same address begins anew: bytes of two files are never put together", async () => {
  its.cut = () => 100_000;
  await assert.rejects(get(newCache(0)), /cannot be fetched/);
  its.file = contentOf(150_000);
  its.cut = () => null;
  assertIs(await get(), its.file);
});

test("a server that ignores Range, answers another one, or 416", async () => {
  for (const wrong of ["ignores", "other", "416"]) {
    rmSync(root, { recursive: true, force: true });
    its.cut = () => 50_000;
    await assert.rejects(get(newCache(0)), /cannot be fetched/);
    its.cut = () => null;
    let isFirst = true;
    server.removeAllListeners("request");
    server.on("request", (request, response) => {
      const isWrong = isFirst && wrong !== "ignores" && request.headers.range !== undefined;
      if (isWrong) isFirst = false;
      if (wrong === "ignores") request.headers.range = undefined;
      if (!isWrong) delete request.headers.range;
      if (isWrong && wrong === "416") return void response.writeHead(416).end();
      if (isWrong) {
        return void response
          .writeHead(206, { "content-range": `bytes 7-9/${its.file.length}`, "content-length": 3 })
          .end("abc");
      }
      answer(request, response);
    });
    assertIs(await get(), its.file);
  }
});

test("a length that is a lie: too long is a cut, too short is a broken archive; nothing is kept of it", async () => {
  its.saidLength = its.file.length + 10;
  its.cut = () => its.file.length;
  await assert.rejects(get(newCache(0)), /cannot be fetched|ended after/);
  rmSync(root, { recursive: true, force: true });
  const whole = its.file;
  its.file = whole.subarray(0, 1000);
  its.saidLength = null;
  its.cut = () => null;
  await assert.rejects(get(), /the tar\.gz archive is broken/);
  assert.deepEqual(readdirSync(join(root, "partial")), []);
  assert.deepEqual(readdirSync(root).toSorted(), ["index", "partial", "tmp"]);
  its.file = whole;
  assertIs(await get(), whole);
});

test("sums are looked at: in the URL, Content-MD5, the CRC of OSS, the ETag of an object store, and not another ETag", async () => {
  const sum = (kind: string, how: "hex" | "base64") => createHash(kind).update(its.file).digest(how);
  const crc = new Crc64();
  crc.update(its.file);
  const right: Record<string, string>[] = [
    { "content-md5": sum("md5", "base64") },
    { "x-oss-hash-crc64ecma": crc.digest() },
    { "x-amz-request-id": "1", etag: `"${sum("md5", "hex")}"` },
    { "x-amz-checksum-sha256": sum("sha256", "base64") },
    { etag: `"${"0".repeat(32)}"` },
    { "x-amz-request-id": "1", etag: `"${"0".repeat(32)}-3"` },
  ];
  for (const headers of right) {
    rmSync(root, { recursive: true, force: true });
    its.headers = headers;
    assertIs(await get(newCache(), `#sha256=${sum("sha256", "hex")}`), its.file);
  }
  const wrong: Record<string, string>[] = [
    { "content-md5": createHash("md5").update("x").digest("base64") },
    { "x-oss-hash-crc64ecma": "1" },
    { "x-amz-request-id": "1", etag: `"${"0".repeat(32)}"` },
    { "x-amz-checksum-sha256": createHash("sha256").update("x").digest("base64") },
  ];
  for (const headers of wrong) {
    rmSync(root, { recursive: true, force: true });
    its.headers = headers;
    await assert.rejects(get(), /is not what it should be: its (md5|crc64|sha256) is \w+, but should be/);
    assert.deepEqual(readdirSync(join(root, "partial")), []);
  }
  its.headers = {};
  await assert.rejects(get(newCache(), `#sha256=${"0".repeat(64)}`), /is not what it should be: its sha256/);
});

test("the CRC of OSS is that of the standard's check value", () => {
  const crc = new Crc64();
  crc.update(Buffer.from("12345"));
  crc.update(Buffer.from("6789"));
  assert.equal(crc.digest(), String(0x995dc9bbdf1939fan));
});

test("kill -9 in the middle of a fetch: the next process goes on, and what was here does not come again", async () => {
  its.file = contentOf(3_000_000);
  const half = its.file.length >> 1;
  its.cut = () => null;
  // The first answer stays open half way: the process is killed while it waits.
  server.removeAllListeners("request");
  server.on("request", (request, response) => {
    if (its.answers > 0) return answer(request, response);
    its.answers += 1;
    const etag = `"${createHash("sha256").update(its.file).digest("hex").slice(0, 20)}"`;
    response.writeHead(200, { etag, "content-length": its.file.length });
    response.write(its.file.subarray(0, half));
    its.bytesSent += half;
  });
  const program = `
    import { ModelCache } from ${JSON.stringify(join(import.meta.dirname, "cache.ts"))};
    const cache = new ModelCache({ root: ${JSON.stringify(root)}, now: Date.now, bytesMax: 1e12 });
    await cache.fetch({ kind: "url", url: ${JSON.stringify(urlOf())} }, null, () => {}, new AbortController().signal);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: "ignore" });
  const gone = new Promise((done) => child.once("close", done));
  const here = () => {
    const names = () => readdirSync(join(root, "partial")).filter((name) => /^[0-9a-f]{64}$/.test(name));
    try {
      return statSync(join(root, "partial", names()[0] as string)).size;
    } catch {
      return 0;
    }
  };
  const end = Date.now() + 60_000;
  while (here() < half && Date.now() < end) await new Promise((next) => setTimeout(next, 10));
  assert.equal(here(), half);
  child.kill("SIGKILL");
  await gone;
  assertIs(await get(), its.file);
  assert.deepEqual(its.ranges, [`bytes=${half}-`]);
  assert.equal(its.bytesSent, its.file.length, "each byte was served once");
});

test("no secret of a URL is in what is kept", async () => {
  its.cut = () => 50_000;
  await assert.rejects(get(newCache(0), "?sign=SECRET"), (error: Error) => !error.message.includes("SECRET"));
  its.cut = () => null;
  const cache = newCache();
  await get(cache, "?sign=SECRET");
  for (const folder of ["index", "partial"])
    for (const name of readdirSync(join(root, folder)))
      assert.doesNotMatch(readFileSync(join(root, folder, name), "utf8"), /SECRET/);
  assert.doesNotMatch(JSON.stringify(await cache.contents()), /SECRET/);
});
