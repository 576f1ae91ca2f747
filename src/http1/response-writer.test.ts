import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageHead } from "./message-head.ts";
import { parseResponseHead } from "./response-head.ts";
import {
  CHUNKED_BODY,
  endHead,
  isFieldName,
  isFieldValue,
  NO_BODY,
  RESPONSE_HEAD_BYTES_MAX,
  writeField,
  writeResponseHead,
} from "./response-writer.ts";

const NOW = Date.UTC(1994, 10, 6, 8, 49, 37, 500);
const out = Buffer.alloc(1024);
const write = (status: number, length: number, isKeepAlive: boolean, at = 0) =>
  out.toString("latin1", at, endHead(out, writeResponseHead(out, at, status, length, isKeepAlive, NOW)));

test("a head is written as it should read", () => {
  assert.equal(
    write(200, 57, true),
    "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 57\r\n\r\n",
  );
  assert.match(
    write(450, 0, false, 100),
    /^HTTP\/1.1 450 Queue Full\r\n.*\r\nContent-Length: 0\r\nConnection: close\r\n\r\n$/,
  );
  assert.match(write(204, NO_BODY, true), /GMT\r\n\r\n$/);
  assert.match(
    write(299, CHUNKED_BODY, true),
    /^HTTP\/1.1 299 Successful\r\n.*\r\nTransfer-Encoding: chunked\r\n\r\n$/s,
  );
});

test("what is written is what the parser reads, for lengths of every size", () => {
  const head = new MessageHead();
  for (const length of [0, 9, 10, 99, 100, 12_345, 999_999_999_999_999]) {
    const to = endHead(
      out,
      writeField(out, writeResponseHead(out, 3, 201, length, false, NOW), "X-A", "b c"),
    );
    assert.equal(parseResponseHead(head, out, 3, to), to);
    assert.deepEqual(
      [head.status, head.contentLength, head.isKeepAlive, head.fieldCount],
      [201, length, false, 4],
    );
    assert.ok(to - 3 < RESPONSE_HEAD_BYTES_MAX);
  }
});

test("the date follows the clock", () => {
  write(200, 0, true);
  writeResponseHead(out, 0, 200, 0, true, NOW + 1000);
  assert.match(out.toString("latin1", 0, 80), /08:49:38 GMT/);
  assert.match(write(200, 0, true), /08:49:37 GMT/);
});

test("no name or value can bring in another line", () => {
  for (const bad of ["a\r\nb", "a\nb", "a\0", "a\u0100", "\x7f"]) {
    assert.ok(!isFieldValue(bad) && !isFieldName(bad));
    assert.throws(() => writeField(out, 0, "X", bad));
    assert.throws(() => writeField(out, 0, bad, "x"));
  }
  assert.ok(
    isFieldValue("caf\xe9\t x") &&
      isFieldValue("") &&
      !isFieldName("") &&
      !isFieldName("a b") &&
      isFieldName("X-A"),
  );
});

test("a buffer without room, or a status that is none, is a bug that shows", () => {
  assert.throws(() => writeResponseHead(Buffer.alloc(10), 0, 200, 0, true, NOW));
  assert.throws(() => writeResponseHead(out, 0, 99, 0, true, NOW));
  assert.throws(() => writeField(Buffer.alloc(10), 0, "Name", "value"));
});
