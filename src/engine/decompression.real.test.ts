/** `metadata.rpc.decompressor` on a real engine with a real worker: what clients and processors see. */
import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { EngineInstance, type InstanceOptions } from "../testing/engine-instance.ts";

const ECHO = `
def process(data, headers):
    return data, 200, {"x-seen": "%s %d" % (headers.get("content-encoding"), len(data))}
`;

async function started(t: TestContext, options: InstanceOptions): Promise<EngineInstance> {
  const instance = new EngineInstance({ source: ECHO, ...options });
  t.after(() => instance.dispose());
  await instance.ready();
  return instance;
}

test("bodies are decompressed, whichever way they come; an empty one is handed on", async (t) => {
  const instance = await started(t, { rpc: { decompressor: "gzip" } });
  const short = Buffer.from("short");
  const long = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * i) % 251));
  assert.deepEqual((await instance.call(gzipSync(short))).body, short);
  assert.deepEqual((await instance.call(gzipSync(long, { level: 0 }))).body, long);
  const named = await instance.call(gzipSync(short), "/", { "content-encoding": "gzip" });
  assert.equal(named.headers["x-seen"], "None 5");
  assert.equal((await instance.call("")).headers["x-seen"], "None 0");
  assert.equal((await instance.call(null)).status, 200, "the description is asked for without a body");
});

test("a body in another form is 400 and one that grows beyond the limit 413; both say what is wrong", async (t) => {
  const instance = await started(t, { rpc: { decompressor: "gzip" }, limits: { bodyBytesMax: 100_000 } });
  const plain = await instance.call("as it is");
  assert.equal(plain.status, 400);
  assert.equal(plain.headers["x-sluice-reason"], "BODY_NOT_DECODED");
  assert.equal(
    plain.body.toString(),
    "the body is not compressed as metadata.rpc.decompressor says: gzip: incorrect header check\n",
  );
  const bomb = await instance.call(gzipSync(Buffer.alloc(50_000_000)));
  assert.equal(bomb.status, 413);
  assert.equal(bomb.headers["x-sluice-reason"], "BODY_TOO_LARGE");
  assert.match(bomb.body.toString(), /decompressed it is longer than 100000 bytes/);
  assert.equal((await instance.call(gzipSync(Buffer.from("next")))).body.toString(), "next");
});

test("a signature speaks of the bytes that were sent", async (t) => {
  const instance = await started(t, { rpc: { decompressor: "gzip" } });
  const body = gzipSync(Buffer.from("signed"));
  const md5 = createHash("md5").update(body).digest("hex");
  const type = "application/octet-stream";
  const date = "Sun, 22 Nov 2026 05:00:00 GMT";
  const text = `POST\n${md5}\n${type}\n${date}\n/api/predict/svc`;
  const signature = createHmac("sha1", "secret").update(text).digest("base64");
  const headers = {
    authorization: `EAS ${signature}`,
    "content-md5": md5,
    "content-type": type,
    date,
  };
  const answer = await instance.callPort(body, "/api/predict/svc", headers);
  assert.equal(answer.body.toString(), "signed");
});
