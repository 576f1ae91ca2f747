import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { FIELD_STRIDE, MessageHead } from "../http1/message-head.ts";
import { parseRequestHead } from "../http1/request-head.ts";
import { framingOf, type Http2Request, readRequest, writeHead, writeTrailers } from "./http2-head.ts";

const GOOD = [":method", "POST", ":scheme", "http", ":path", "/a?b", ":authority", "h.x:80"];
const good = (...more: string[]) => readRequest([...GOOD, ...more]) as Http2Request;
const textOf = (raw: readonly string[], isBodyless = true) => {
  const request = readRequest(raw);
  if (typeof request === "string") return request;
  return writeHead(request, request.path, framingOf(request, isBodyless), false).toString("latin1");
};

test("a request is written down as HTTP/1.1, by its framing", () => {
  assert.equal(
    textOf([...GOOD, "a", "1", "a", "2", "cookie", "x=1", "te", "trailers", "cookie", "y=2"]),
    "POST /a?b HTTP/1.1\r\nHost: h.x:80\r\na: 1\r\na: 2\r\ncookie: x=1; y=2\r\nContent-Length: 0\r\n\r\n",
  );
  assert.match(textOf(GOOD, false), /\r\nTransfer-Encoding: chunked\r\n\r\n$/);
  assert.match(textOf([...GOOD, "content-length", "12"], false), /\r\nContent-Length: 12\r\n\r\n$/);
  assert.equal(
    textOf([":method", "GET", ":scheme", "https", ":path", "/", "host", "h"]),
    "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
  );
  assert.match(
    textOf([":method", "OPTIONS", ":scheme", "http", ":path", "*", ":authority", "h"]),
    /^OPTIONS \* /,
  );
  assert.match(writeHead(good(), "/a", "none", true).toString(), /X-Forwarded-Proto: https/);
  const told = writeHead(good("x-forwarded-proto", "http"), "/a", "none", true).toString();
  assert.doesNotMatch(told, /https/);
});

const without = (name: string, ...more: string[]) => {
  const at = GOOD.indexOf(name);
  return [...GOOD.slice(0, at), ...GOOD.slice(at + 2), ...more];
};
const MALFORMED: readonly (readonly [name: string, raw: readonly string[]])[] = [
  ["no method", without(":method")],
  ["CONNECT", without(":method", ":method", "CONNECT")],
  ["a method with a space", without(":method", ":method", "GET /x")],
  ["no path", without(":path")],
  ["a path with a space", without(":path", ":path", "/ HTTP/1.1")],
  ["a path with a line end", without(":path", ":path", "/\r\nX: y")],
  ["a path without a slash", without(":path", ":path", "a")],
  ["* for POST", without(":path", ":path", "*")],
  ["a URL for a path", without(":path", ":path", "http://h/a")],
  ["bytes above ASCII in a path", without(":path", ":path", "/\u010d")],
  ["no scheme", without(":scheme")],
  ["another scheme", without(":scheme", ":scheme", "ftp")],
  ["no authority", without(":authority")],
  ["an authority with user and password", without(":authority", ":authority", "a@h")],
  ["an authority with a line end", without(":authority", ":authority", "h\r\nX: y")],
  ["another Host", [...GOOD, "host", "other"]],
  ["Host twice", without(":authority", "host", "h", "host", "h")],
  ["an unknown pseudo-header field", [...GOOD, ":protocol", "websocket"]],
  ["a pseudo-header field twice", [...GOOD, ":path", "/b"]],
  ["upper case", [...GOOD, "Accept", "x"]],
  ["an empty name", [...GOOD, "", "x"]],
  ["a name with a colon", [...GOOD, "a:b", "x"]],
  ["a name with a line end", [...GOOD, "a\r\nb", "x"]],
  ["a value with CR LF", [...GOOD, "a", "x\r\nContent-Length: 5"]],
  ["a value with LF", [...GOOD, "a", "x\ny"]],
  ["a value with NUL", [...GOOD, "a", "x\0"]],
  ["a value beyond a byte that becomes LF", [...GOOD, "a", "\u010a"]],
  ["white space around a value", [...GOOD, "a", " x"]],
  ["transfer-encoding", [...GOOD, "transfer-encoding", "chunked"]],
  ["connection", [...GOOD, "connection", "keep-alive"]],
  ["upgrade", [...GOOD, "upgrade", "h2c"]],
  ["te", [...GOOD, "te", "gzip"]],
  ["content-length twice", [...GOOD, "content-length", "1", "content-length", "1"]],
  ["a signed content-length", [...GOOD, "content-length", "+1"]],
  ["a long content-length", [...GOOD, "content-length", "1234567890123456"]],
];
for (const [name, raw] of MALFORMED) {
  test(`malformed: ${name}`, () => {
    const said = readRequest(raw);
    assert.equal(typeof said, "string");
    assert.doesNotMatch(said as string, /[\r\n\0]/, "what it says is no way in, either");
  });
}

test("a gRPC call is known by its content type", () => {
  const types = ["application/grpc", "application/grpc+proto", "application/grpc;x=y", "Application/GRPC"];
  for (const type of types) assert.ok(good("content-type", type).isGrpc, type);
  for (const type of ["application/grpc-web", "application/grpc-web+proto", "application/json", "grpc"])
    assert.ok(!good("content-type", type).isGrpc, type);
});

test("trailers are lines of their own, or malformed", () => {
  assert.equal(writeTrailers(["a", "1", "b", "2"]), "a: 1\r\nb: 2\r\n");
  for (const bad of [
    ["a", "1\r\nb: 2"],
    ["a b", "1"],
    ["A", "1"],
    [":status", "1"],
  ])
    assert.equal(writeTrailers(bad), null);
});

test("whatever fields say: one head to a strict reader, with just these fields, or refused", () => {
  const nasty = fc.string({ unit: fc.constantFrom(..."ab:/ \r\n\t\0,;=\u010a\u00e9Z"), maxLength: 6 });
  const name = fc.oneof(
    fc.constantFrom(
      ":method",
      ":path",
      ":authority",
      "host",
      "content-length",
      "transfer-encoding",
      "a",
      "te",
    ),
    nasty,
  );
  const value = fc.oneof(fc.constantFrom("0", "5", "chunked", "x", "/p", "trailers"), nasty);
  const pairs = fc.array(fc.tuple(name, value), { maxLength: 5 }).map((list) => list.flat());
  const head = new MessageHead();
  fc.assert(
    fc.property(pairs, fc.boolean(), fc.boolean(), (more, isWhole, isBodyless) => {
      const request = readRequest(isWhole ? [...GOOD, ...more] : more);
      if (typeof request === "string") return;
      const framing = framingOf(request, isBodyless);
      const bytes = writeHead(request, request.path, framing, false);
      assert.equal(parseRequestHead(head, bytes, 0, bytes.length), bytes.length);
      const read: string[] = [];
      for (let i = 0; i < head.fieldCount; i++) {
        const [a, b, c, d] = head.fields.subarray(i * FIELD_STRIDE, i * FIELD_STRIDE + 4);
        read.push(bytes.toString("latin1", a, b), bytes.toString("latin1", c, d));
      }
      assert.deepEqual(read.slice(0, 2 + request.fields.length), [
        "Host",
        request.authority,
        ...request.fields,
      ]);
      assert.equal(head.isChunked, framing === "chunked");
      assert.equal(bytes.toString("latin1", head.methodFrom, head.methodTo), request.method);
    }),
    { numRuns: 3000 },
  );
});
