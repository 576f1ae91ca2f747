import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { tarGzOf } from "../../testing/archive-bytes.ts";
import { ModelCache } from "./cache.ts";
import { objectPlace } from "./object-store.ts";
import { signGet } from "./signature-v4.ts";

/** Of the examples in "Authenticating Requests: Using the Authorization Header (AWS Signature Version 4)", Amazon S3 API Reference. */
const EXAMPLE = {
  keyId: "AKIAIOSFODNN7EXAMPLE",
  secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  sessionToken: null,
};
const never = new AbortController().signal;
const hex = (kind: string, text: string | Buffer) => createHash(kind).update(text).digest("hex");

let dir: string;
let root: string;
let server: Server;
let objects: Map<string, Buffer>;
let requests: string[];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "sluice-objects-"));
  root = join(dir, "models");
  objects = new Map();
  requests = [];
  server = createServer(answer);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
  rmSync(dir, { recursive: true, force: true });
});

/** A store of one bucket, `models`, that takes only what is signed; it makes the canonical request from what came over the wire. */
function answer(request: IncomingMessage, response: ServerResponse): void {
  requests.push(request.url ?? "");
  if (!isSigned(request)) return void response.writeHead(403).end("<Code>SignatureDoesNotMatch</Code>");
  const [path, query] = (request.url ?? "").split("?");
  const key = decodeURIComponent((path as string).replace(/^\/models\//, ""));
  if (query !== undefined) {
    list(new URLSearchParams(query), response);
    return;
  }
  const object = objects.get(key);
  if (object === undefined) return void response.writeHead(404).end("<Code>NoSuchKey</Code>");
  response
    .writeHead(200, {
      etag: `"${hex("md5", object)}"`,
      "x-amz-request-id": "1",
      "content-length": object.length,
    })
    .end(object);
}

function list(query: URLSearchParams, response: ServerResponse): void {
  const all = [...objects.keys()].filter((key) => key.startsWith(query.get("prefix") ?? "")).toSorted();
  const from = Number(query.get("continuation-token") ?? 0);
  const page = all.slice(from, from + 2);
  const contents = page.map((key) => {
    const object = objects.get(key) as Buffer;
    const name = encodeURIComponent(key).replaceAll("%20", "+").replaceAll("%2F", "/");
    return `<Contents><Key>${name}</Key><Size>${object.length}</Size><ETag>&quot;${hex("md5", object)}&quot;</ETag></Contents>`;
  });
  const isMore = from + 2 < all.length;
  const next = isMore ? `<NextContinuationToken>${from + 2}</NextContinuationToken>` : "";
  response.end(
    `<?xml version="1.0"?><ListBucketResult><IsTruncated>${isMore}</IsTruncated>${next}${contents.join("")}</ListBucketResult>`,
  );
}

function isSigned({ headers, url }: IncomingMessage): boolean {
  const found =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/(\S+)\/s3\/aws4_request, SignedHeaders=(\S+), Signature=(\w+)$/.exec(
      headers.authorization ?? "",
    );
  if (found === null) return false;
  const [, keyId, day, region, names, signature] = found as unknown as string[];
  const [path, query = ""] = (url as string).split("?");
  const sorted = query.split("&").toSorted().join("&");
  const lines = (names as string).split(";").map((name) => `${name}:${headers[name]}\n`);
  const canonical = `GET\n${path}\n${sorted}\n${lines.join("")}\n${names}\n${headers["x-amz-content-sha256"]}`;
  const scope = `${day}/${region}/s3/aws4_request`;
  const text = `AWS4-HMAC-SHA256\n${headers["x-amz-date"]}\n${scope}\n${hex("sha256", canonical)}`;
  let key: Buffer | string = `AWS4${EXAMPLE.secret}`;
  for (const part of [day, region, "s3", "aws4_request"])
    key = createHmac("sha256", key)
      .update(part as string)
      .digest();
  const isOurs = keyId === EXAMPLE.keyId && region === "eu-test-1" && names?.includes("host") === true;
  return isOurs && createHmac("sha256", key).update(text).digest("hex") === signature;
}

function newCache(credentials: typeof EXAMPLE | null = EXAMPLE) {
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const store = { endpoint, region: "eu-test-1", credentials };
  return new ModelCache({ root, now: Date.now, bytesMax: 1e12, stores: { s3: store, oss: store } });
}
const get = (url: string, cache = newCache()) => cache.fetch({ kind: "url", url }, null, () => {}, never);

test("requests are signed as the examples of the S3 API Reference are", () => {
  const at = Date.UTC(2013, 4, 24);
  const signature = (query: string) =>
    /Signature=(\w+)$/.exec(
      signGet(new URL(`https://examplebucket.s3.amazonaws.com/${query}`), "us-east-1", EXAMPLE, at)
        .authorization as string,
    )?.[1];
  assert.equal(signature("?lifecycle"), "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  assert.equal(
    signature("?max-keys=2&prefix=J"),
    "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
  );
});

test("an object that is an archive is unpacked, another one is that file", async () => {
  objects.set("m.tar.gz", tarGzOf([{ name: "model.pmml", content: "<PMML/>" }]));
  objects.set("a b/ü+(1).pmml", Buffer.from("<PMML version='4'/>"));
  for (const scheme of ["s3", "oss"]) {
    assert.deepEqual(readdirSync(await get(`${scheme}://models/m.tar.gz`)), ["model.pmml"]);
    const file = await get(`${scheme}://models/a b/ü+(1).pmml`);
    assert.equal(readFileSync(file, "utf8"), "<PMML version='4'/>");
    assert.match(file, /\/ü\+\(1\)\.pmml$/);
  }
  assert.equal((await newCache().contents()).length, 2, "one content each, whatever way it came");
});

test("a prefix is a folder, with and without a slash at the end, over several pages of the list", async () => {
  for (const name of ["config.json", "weights/1.bin", "weights/2 & 3.bin", "weights/4.bin", "weights/"])
    objects.set(`llm/v1/${name}`, Buffer.from(name));
  const folder = await get("s3://models/llm/v1/");
  assert.deepEqual(readdirSync(folder).toSorted(), ["config.json", "weights"]);
  assert.equal(readFileSync(join(folder, "weights", "2 & 3.bin"), "utf8"), "weights/2 & 3.bin");
  assert.equal(await get("s3://models/llm/v1"), folder);
  assert.deepEqual(readdirSync(join(root, "partial")), []);
  await assert.rejects(
    get("s3://models/none"),
    /s3:\/\/models\/none: there is no such object, and nothing below it/,
  );
});

test("a folder that leads outside is refused", async () => {
  objects.set("bad/../../evil", Buffer.from("x"));
  await assert.rejects(get("s3://models/bad/"), /outside|answered 404/);
  assert.equal(existsSync(join(dir, "evil")), false);
});

test("a folder of which a part came is gone on with; an object that changed since comes anew", async () => {
  for (const name of ["1", "2", "3"]) objects.set(`f/${name}`, Buffer.from(name));
  server.removeAllListeners("request");
  let isBroken = true;
  server.on("request", (request, response) => {
    if (isBroken && request.url === "/models/f/3") return void response.writeHead(503).end();
    answer(request, response);
  });
  await assert.rejects(get("s3://models/f/"), /f\/3 answered 503/);
  isBroken = false;
  objects.set("f/2", Buffer.from("two"));
  requests.length = 0;
  const folder = await get("s3://models/f/");
  assert.equal(readFileSync(join(folder, "2"), "utf8"), "two");
  assert.deepEqual(requests.filter((url) => !url.includes("?")).toSorted(), ["/models/f/2", "/models/f/3"]);
});

test("no credentials, or wrong ones: the answer is named, and no secret", async () => {
  objects.set("m.bin", Buffer.from("m"));
  for (const credentials of [null, { ...EXAMPLE, secret: "SECRETSECRET" }]) {
    await assert.rejects(get("s3://models/m.bin", newCache(credentials)), (error: Error) => {
      assert.equal(error.message, "s3://models/m.bin answered 403 Forbidden");
      return true;
    });
  }
});

test("addresses: by cloud and region, by endpoint, by host of OSS", () => {
  const store = { endpoint: null, region: "eu-west-1", credentials: null };
  const at = (url: string, endpoint: string | null = null) => {
    const stores = { s3: { ...store, endpoint }, oss: { ...store, region: "cn-beijing", endpoint } };
    return objectPlace(url, stores).bucketUrl;
  };
  assert.equal(at("s3://models/k"), "https://models.s3.eu-west-1.amazonaws.com");
  assert.equal(at("s3://my.models/k"), "https://s3.eu-west-1.amazonaws.com/my.models");
  assert.equal(at("s3://models/k", "http://minio.local:9000"), "http://minio.local:9000/models");
  assert.equal(at("oss://models/k"), "https://models.oss-cn-beijing.aliyuncs.com");
  assert.equal(
    at("oss://models/k", "https://oss-cn-hangzhou-internal.aliyuncs.com"),
    "https://models.oss-cn-hangzhou-internal.aliyuncs.com",
  );
  assert.equal(
    at("oss://models.oss-cn-hangzhou.aliyuncs.com/k"),
    "https://models.oss-cn-hangzhou.aliyuncs.com",
  );
});
