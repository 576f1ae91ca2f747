import assert from "node:assert/strict";
import { test } from "node:test";
import { composeResponse, ResponseHeads } from "./responses.ts";

const NOW = Date.UTC(2026, 10, 21, 21, 25, 6);
const text = (response: { head: Buffer; body: Buffer | null }) => response.head.toString("latin1");

test("the default type is added when there is none; fields of the connection and bad ones are dropped", () => {
  const heads = new ResponseHeads("a/b");
  assert.equal(heads.fields("").toString(), "Content-Type: a/b\r\n");
  assert.equal(heads.fields("x-a: 1\n").toString(), "Content-Type: a/b\r\nx-a: 1\r\n");
  const given =
    "CONTENT-TYPE: c/d\nConnection: close\nTransfer-Encoding: chunked\nbad name: 1\nno-colon\n: x\nx: a\rb\nX-B: 2\n";
  assert.equal(heads.fields(given).toString(), "CONTENT-TYPE: c/d\r\nX-B: 2\r\n");
  assert.equal(heads.fields(given), heads.fields(given));
});

test("many different heads do not pile up", () => {
  const heads = new ResponseHeads("a/b");
  const first = heads.fields("n: 0\n");
  for (let i = 1; i <= 256; i++) heads.fields(`n: ${i}\n`);
  assert.notEqual(heads.fields("n: 0\n"), first);
});

test("a short body is one piece with its head, a long one is not copied, HEAD and 204 have none", () => {
  const fields = Buffer.from("X: y\r\n");
  const body = Buffer.from("--body--");
  const short = composeResponse(200, fields, body, 2, 6, false, true, NOW);
  assert.equal(short.body, null);
  assert.equal(
    text(short),
    "HTTP/1.1 200 OK\r\nDate: Sat, 21 Nov 2026 21:25:06 GMT\r\nContent-Length: 4\r\nX: y\r\n\r\nbody",
  );
  const long = Buffer.alloc(100_000);
  assert.equal(
    composeResponse(200, fields, long, 0, long.length, false, true, NOW).body!.buffer,
    long.buffer,
  );
  assert.match(
    text(composeResponse(200, fields, body, 2, 6, true, true, NOW)),
    /Content-Length: 4\r\nX: y\r\n\r\n$/,
  );
  assert.doesNotMatch(
    text(composeResponse(204, fields, body, 2, 6, false, true, NOW)),
    /Content-Length|body/,
  );
  assert.match(
    text(composeResponse(450, fields, body, 2, 6, false, false, NOW)),
    /^HTTP\/1\.1 450 .*Connection: close\r\n/s,
  );
});
