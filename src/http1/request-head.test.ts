import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FIELD } from "./field-names.ts";
import { HEAD_BYTES_MAX } from "./limits.ts";
import { FIELD_STRIDE, HEAD_ERRORS, headError, METHOD, MessageHead, NEED_MORE } from "./message-head.ts";
import { findField, findHeadEnd, parseRequestHead } from "./request-head.ts";

const head = new MessageHead();
const parse = (text: string) => {
  const buf = Buffer.from(text, "latin1");
  return parseRequestHead(head, buf, 0, buf.length);
};
const fieldsOf = (buf: Buffer) =>
  Array.from({ length: head.fieldCount }, (_, i) => {
    const [a, b, c, d] = head.fields.subarray(i * FIELD_STRIDE, i * FIELD_STRIDE + 4);
    return [buf.toString("latin1", a, b), buf.toString("latin1", c, d)];
  });

/** Everything a parse says, as one value to compare. */
function said(buf: Buffer, result: number): unknown {
  if (result <= 0) return { result };
  const { method, status, versionMinor, contentLength, isChunked, isKeepAlive, hasNominated, hostAt } = head;
  const path = buf.toString("latin1", head.pathFrom, head.targetTo);
  const fields = fieldsOf(buf);
  return {
    result,
    method,
    status,
    versionMinor,
    contentLength,
    isChunked,
    isKeepAlive,
    hasNominated,
    hostAt,
    path,
    fields,
  };
}

const GOOD: readonly [string, Partial<MessageHead>][] = [
  ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", { method: METHOD.GET, contentLength: -1, isKeepAlive: true }],
  [
    "POST /x?y=1 HTTP/1.1\r\nhost:a:80\r\ncontent-length: 12\r\n\r\n",
    { method: METHOD.POST, contentLength: 12 },
  ],
  ["\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", { method: METHOD.GET }],
  ["PURGE / HTTP/1.1\r\nHost: \r\n\r\n", { method: METHOD.OTHER }],
  [
    "PUT / HTTP/1.1\r\nHost: [::1]:80\r\nTransfer-Encoding: Chunked\r\n\r\n",
    { isChunked: true, contentLength: -1 },
  ],
  ["GET / HTTP/1.0\r\n\r\n", { versionMinor: 0, isKeepAlive: false, hostAt: -1 }],
  ["GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", { isKeepAlive: true }],
  ["GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", { isKeepAlive: false }],
  [
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: ,close ,\t\r\n\r\n",
    { isKeepAlive: false, hasNominated: false },
  ],
  ["GET / HTTP/1.1\r\nHost: a\r\nConnection: x-a, TE\r\n\r\n", { isKeepAlive: true, hasNominated: true }],
  ["GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", { isUpgrade: true }],
  [
    "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 0\r\n\r\n",
    { isContinueExpected: true, contentLength: 0 },
  ],
  ["OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", { method: METHOD.OPTIONS }],
  ["GET HTTP://A.b:80/x?y HTTP/1.1\r\nHost: a.B:80\r\n\r\n", { method: METHOD.GET }],
  ["GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", { method: METHOD.GET }],
  ["GET / HTTP/1.1\r\nHost: a\r\nX: \t \xe9\t caf\xe9 \t\r\nY:\r\nZ:  \r\n\r\n", { fieldCount: 4 }],
  [
    "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: t\r\nAuthorization: t\r\n\r\n",
    { isAuthorizationRepeated: true },
  ],
  [
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999999999\r\n\r\n",
    { contentLength: 999999999999999 },
  ],
];

const line = (fields: string) => `POST / HTTP/1.1\r\nHost: a\r\n${fields}\r\n\r\n`;
const BAD: readonly [string, string, number][] = [
  ["control before method", "\x01GET / HTTP/1.1\r\n", -2],
  ["bare LF line before", "\nGET / HTTP/1.1\r\n", -2],
  ["CR without LF before", "\rGET / HTTP/1.1\r\n", -1],
  ["TLS hello", "\x16\x03\x01\x02\x00\x01", -2],
  ["CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", -2],
  ["long method", `${"A".repeat(33)} / HTTP/1.1\r\nHost: a\r\n\r\n`, -2],
  ["two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", -3],
  ["tab", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", -2],
  ["relative target", "GET x HTTP/1.1\r\nHost: a\r\n\r\n", -3],
  ["https target", "GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n", -3],
  ["no authority", "GET http:/// HTTP/1.1\r\nHost: \r\n\r\n", -3],
  ["query after authority", "GET http://a?b HTTP/1.1\r\nHost: a\r\n\r\n", -3],
  ["* for GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", -3],
  ["fragment", "GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", -3],
  ["raw byte in target", "GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n", -3],
  ["NUL in target", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", -3],
  ["HTTP/0.9", "GET /\r\n\r\n", -3],
  ["lower-case http", "GET / http/1.1\r\nHost: a\r\n\r\n", -1],
  ["HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", -3],
  ["HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", -4],
  ["HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", -4],
  ["HTTP/1.1 and a space", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", -1],
  ["HTTP/1.10", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", -1],
  ["request line ends with LF", "GET / HTTP/1.1\nHost: a\r\n\r\n", -1],
  ["field line ends with LF", "GET / HTTP/1.1\r\nHost: a\n\r\n", -6],
  ["empty line is LF", "GET / HTTP/1.1\r\nHost: a\r\n\n", -5],
  ["empty line is CR x", "GET / HTTP/1.1\r\nHost: a\r\n\rx", -5],
  ["CR in value", line("X: a\rb"), -6],
  ["NUL in value", line("X: a\0b"), -6],
  ["DEL in value", line("X: a\x7fb"), -6],
  ["space before colon", line("X : a"), -5],
  ["tab before colon", line("X\t: a"), -5],
  ["no colon", line("X"), -5],
  ["no name", line(": a"), -5],
  ["raw byte in name", line("X\xe9: a"), -5],
  ["obs-fold", line("X: a\r\n b"), -5],
  ["obs-fold with tab", line("X: a\r\n\tb"), -5],
  ["obs-fold first", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", -5],
  ["no Host", "GET / HTTP/1.1\r\n\r\n", -7],
  ["two Hosts", line("Host: a"), -7],
  ["Host list", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", -7],
  ["Host with path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", -7],
  ["Host differs from target", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", -7],
  ["absolute target, no Host", "GET http://b/ HTTP/1.0\r\n\r\n", -7],
  ["length +1", line("Content-Length: +1"), -8],
  ["length -1", line("Content-Length: -1"), -8],
  ["length 0x1", line("Content-Length: 0x1"), -8],
  ["length 1e3", line("Content-Length: 1e3"), -8],
  ["empty length", line("Content-Length:"), -8],
  ["length list", line("Content-Length: 1, 1"), -8],
  ["length with space", line("Content-Length: 1 1"), -8],
  ["length of 16 digits", line("Content-Length: 0000000000000001"), -8],
  ["same length twice", line("Content-Length: 1\r\nContent-Length: 1"), -8],
  ["other length", line("Content-Length: 1\r\nContent-Length: 2"), -8],
  ["gzip, chunked", line("Transfer-Encoding: gzip, chunked"), -9],
  ["identity", line("Transfer-Encoding: identity"), -9],
  ["chunked twice", line("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), -9],
  ["chunked, chunked", line("Transfer-Encoding: chunked, chunked"), -9],
  ["xchunked", line("Transfer-Encoding: xchunked"), -9],
  ["chunked;q=1", line("Transfer-Encoding: chunked;q=1"), -9],
  ["chunked and a tab", line("Transfer-Encoding: chunked\t"), -9],
  ["length and a space", line("Content-Length: 1 "), -8],
  ["empty encoding", line("Transfer-Encoding:"), -9],
  ["chunked from 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", -9],
  ["length behind a tab", line("Content-Length:\t1"), -8],
  ["chunked behind a space and a tab", line("Transfer-Encoding: \tchunked"), -9],
  ["Content_Length", line("Content_Length: 1"), -5],
  ["transfer_encoding", line("transfer_encoding: chunked"), -5],
  ["length and chunked", line("Content-Length: 1\r\nTransfer-Encoding: chunked"), -10],
  ["chunked and length", line("Transfer-Encoding: chunked\r\nContent-Length: 1"), -10],
  ["other expectation", line("Expect: 200-ok"), -11],
  ["bad Connection", line("Connection: close keep-alive"), -6],
  ["too large", line(`X: ${"a".repeat(HEAD_BYTES_MAX)}`), -12],
  ["endless", `GET /${"a".repeat(HEAD_BYTES_MAX)}`, -12],
  ["too many fields", line("X: a\r\n".repeat(300)), -13],
];

test("good heads are understood", () => {
  for (const [text, expected] of GOOD) {
    assert.equal(parse(text), text.length, JSON.stringify(text));
    for (const [key, value] of Object.entries(expected)) {
      assert.equal(head[key as keyof MessageHead], value, `${key} of ${JSON.stringify(text)}`);
    }
  }
});

test("bad heads are refused, each with its error", () => {
  for (const [name, text, result] of BAD) assert.equal(parse(text), result, name);
});

test("every error has a status that a server may answer with, and a text", () => {
  HEAD_ERRORS.forEach((entry, i) => {
    assert.equal(entry.result, -i - 1);
    assert.equal(headError(entry.result), entry);
    assert.ok([400, 431, 505].includes(entry.status) && entry.text.length > 10);
  });
  const provoked = new Set(BAD.map(([, , result]) => result));
  assert.equal(provoked.size, HEAD_ERRORS.length);
});

test("every input cut at every position says the same in the end", () => {
  for (const text of [...GOOD.map(([t]) => t), ...BAD.map(([, t]) => t)]) {
    const buf = Buffer.from(text, "latin1");
    const whole = said(buf, parseRequestHead(head, buf, 0, buf.length));
    const step = buf.length > 1000 ? 997 : 1;
    for (let cut = 0; cut < buf.length; cut += step) {
      const first = parseRequestHead(head, buf, 0, cut);
      if (first !== NEED_MORE) assert.deepEqual(said(buf, first), whole, `${JSON.stringify(text)} at ${cut}`);
    }
    const moved = Buffer.concat([Buffer.from("\r\nXX"), buf, Buffer.from("GET")]);
    const result = parseRequestHead(head, moved, 4, 4 + buf.length);
    assert.equal(result > 0 ? result - 4 : result, parseRequestHead(head, buf, 0, buf.length));
  }
});

test("ranges are those of the trimmed text", () => {
  const text = "GET http://h/a?b HTTP/1.1\r\nHost: h\r\nX:  a b\t \r\nauthorization:tok\r\nY:\r\n\r\n";
  const buf = Buffer.from(text, "latin1");
  parseRequestHead(head, buf, 0, buf.length);
  assert.equal(buf.toString("latin1", head.pathFrom, head.targetTo), "/a?b");
  assert.deepEqual(fieldsOf(buf), [
    ["Host", "h"],
    ["X", "a b"],
    ["authorization", "tok"],
    ["Y", ""],
  ]);
  assert.equal(head.authorizationAt, 2);
  assert.equal(findField(head, FIELD.HOST), 0);
  assert.equal(findField(head, FIELD.AUTHORIZATION), 2);
  assert.equal(findField(head, FIELD.EXPECT), -1);
  assert.equal(buf.toString("latin1", head.fieldsFrom, head.fieldsTo), text.slice(text.indexOf("Host"), -2));
});

test("the end of a head is found, bare line feeds included", () => {
  const end = (text: string) => findHeadEnd(Buffer.from(text), 0, text.length);
  assert.equal(end("a\r\n\r\nb"), 5);
  assert.equal(end("a\n\nb"), 3);
  assert.equal(end("a\n\r\nb"), 4);
  assert.equal(end("a\r\n\r"), -1);
  assert.equal(end("a\r\nb\r\n"), -1);
  assert.equal(findHeadEnd(Buffer.from("a\n\n"), 0, 2), -1);
});

const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,20}$/);
const value = fc.stringMatching(/^([!-~\xa1-\xff]([ \t!-~\xa1-\xff]{0,30}[!-~\xa1-\xff])?)?$/);
const ACTED_ON = /^(host|connection|content-length|transfer-encoding|expect|authorization)$/i;

test("property: what was written is what is read", () => {
  const names = token.filter((name) => !ACTED_ON.test(name));
  fc.assert(
    fc.property(fc.array(fc.tuple(names, value), { maxLength: 30 }), (fields) => {
      const lines = fields.map(([name, text]) => `${name}: ${text}\r\n`).join("");
      const buf = Buffer.from(`GET / HTTP/1.1\r\n${lines}Host: h\r\n\r\n`, "latin1");
      assert.equal(parseRequestHead(head, buf, 0, buf.length), buf.length);
      assert.deepEqual(fieldsOf(buf), [...fields, ["Host", "h"]]);
    }),
  );
});

test("property: any bytes give a result in range, and a shorter piece never another one", () => {
  const piece = fc.constantFrom(
    "GET ",
    "/",
    " HTTP/1.1\r\n",
    "Host: a\r\n",
    "\r\n",
    "\n",
    ":",
    " ",
    "Content-Length: 1",
    "x",
    "\0",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), fc.nat(200), (pieces, cut) => {
      const buf = Buffer.from(pieces.join(""), "latin1");
      const result = parseRequestHead(head, buf, 0, buf.length);
      assert.ok(result >= -13 && result <= buf.length);
      const first = parseRequestHead(head, buf, 0, Math.min(cut, buf.length));
      assert.ok(first === NEED_MORE || first === result);
    }),
  );
});
