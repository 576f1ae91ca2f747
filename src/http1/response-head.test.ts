import assert from "node:assert/strict";
import { test } from "node:test";
import { HEAD_BYTES_MAX } from "./limits.ts";
import { MessageHead, NEED_MORE } from "./message-head.ts";
import { parseResponseHead } from "./response-head.ts";

const head = new MessageHead();
const parse = (text: string, to = text.length) => parseResponseHead(head, Buffer.from(text, "latin1"), 0, to);

const GOOD: readonly [string, Partial<MessageHead>][] = [
  ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", { status: 200, contentLength: 2, isKeepAlive: true }],
  ["HTTP/1.1 204 \r\n\r\n", { status: 204, contentLength: -1 }],
  ["HTTP/1.1 204\r\nContent-Length: 0\r\n\r\n", { status: 204 }],
  ["HTTP/1.0 404 Not Found\r\n\r\n", { status: 404, versionMinor: 0, isKeepAlive: false }],
  [
    "HTTP/1.1 450 d\xe9j\xe0 vu\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
    { isChunked: true, isKeepAlive: false },
  ],
  ["HTTP/1.1 100 Continue\r\n\r\n", { status: 100 }],
  ["HTTP/1.1 304 Not Modified\r\nContent-Length: 700\r\n\r\n", { status: 304, contentLength: 700 }],
];
const BAD: readonly [string, string, number][] = [
  ["not HTTP", "hello world", -1],
  ["HTTP/2", "HTTP/2 200 OK\r\n\r\n", -1],
  ["HTTP/1.2", "HTTP/1.2 200 OK\r\n\r\n", -1],
  ["two digits", "HTTP/1.1 20 OK\r\n\r\n", -1],
  ["four digits", "HTTP/1.1 2000 OK\r\n\r\n", -1],
  ["below 100", "HTTP/1.1 099 OK\r\n\r\n", -1],
  ["no space before reason", "HTTP/1.1 200OK\r\n\r\n", -1],
  ["LF only", "HTTP/1.1 200 OK\n\r\n", -1],
  ["NUL in reason", "HTTP/1.1 200 O\0K\r\n\r\n", -1],
  ["obs-fold", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", -5],
  ["bare LF", "HTTP/1.1 200 OK\r\nX: a\nb: c\r\n\r\n", -6],
  ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", -8],
  ["204 with a body", "HTTP/1.1 204 No Content\r\nContent-Length: 1\r\n\r\n", -8],
  ["100 chunked", "HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n", -9],
  ["gzip", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", -9],
  ["both", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", -10],
  ["too large", `HTTP/1.1 200 OK\r\nX: ${"a".repeat(HEAD_BYTES_MAX)}`, -12],
];

test("good response heads are understood", () => {
  for (const [text, expected] of GOOD) {
    assert.equal(parse(text), text.length, JSON.stringify(text));
    for (const [key, value] of Object.entries(expected)) {
      assert.equal(head[key as keyof MessageHead], value, `${key} of ${JSON.stringify(text)}`);
    }
  }
});

test("bad response heads are refused, each with its error", () => {
  for (const [name, text, result] of BAD) assert.equal(parse(text), result, name);
});

test("every response head cut at every position says the same in the end", () => {
  for (const text of [...GOOD.map(([t]) => t), ...BAD.map(([, t]) => t)]) {
    const whole = parse(text);
    const step = text.length > 1000 ? 997 : 1;
    for (let cut = 0; cut < text.length; cut += step) {
      const first = parse(text, cut);
      assert.ok(first === NEED_MORE || first === whole, `${JSON.stringify(text)} at ${cut}`);
    }
  }
});
