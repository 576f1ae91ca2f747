import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageHead } from "../http1/message-head.ts";
import { parseRequestHead } from "../http1/request-head.ts";
import { REQUEST_ID_BYTES_MAX } from "./limits.ts";
import { RequestIds } from "./request-id.ts";

const ids = new RequestIds("0123456789abcdef");
const out = Buffer.alloc(REQUEST_ID_BYTES_MAX);
const idFor = (fields: string) => {
  const head = new MessageHead();
  const buf = Buffer.from(`GET / HTTP/1.1\r\nHost: h\r\n${fields}\r\n`, "latin1");
  assert.equal(parseRequestHead(head, buf, 0, buf.length), buf.length);
  return out.toString("latin1", 0, ids.write(head, buf, out));
};

test("a good id of the client is kept, any other replaced by a new one", () => {
  for (const good of ["a", "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "a.b:c+d/e=_-", "x".repeat(128)])
    assert.equal(idFor(`X-Request-ID: ${good}\r\n`), good);
  for (const bad of ["", " ", "a b", 'a"b', "a,b", "\xe9", "x".repeat(129)])
    assert.match(idFor(`x-request-id: ${bad}\r\n`), /^0123456789abcdef[0-9a-f]{8}$/);
  assert.match(idFor("X-Request-Id: a\r\nX-Request-Id: a\r\n"), /^0123456789abcdef/);
});

test("10,000 new ids are 10,000 different ones", () => {
  const seen = new Set(Array.from({ length: 10_000 }, () => idFor("")));
  assert.equal(seen.size, 10_000);
});
