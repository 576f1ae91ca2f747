import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FIELD_STRIDE, MessageHead } from "../http1/message-head.ts";
import { parseRequestHead } from "../http1/request-head.ts";
import { parseResponseHead } from "../http1/response-head.ts";
import { ADDED_BYTES_MAX, forwardedLines, writeRequest, writeResponse } from "./head-rewrite.ts";

const added = {
  requestId: Buffer.from("id-1"),
  requestIdLength: 4,
  clientAddress: Buffer.from("10.0.0.1"),
  forwardedLines: forwardedLines(Buffer.from("10.0.0.1")),
  serviceName: "s",
  isUpgrade: false,
  isEncrypted: false,
};
const token = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,20}$/);
const value = fc.stringMatching(/^([!-~]([ !-~]{0,30}[!-~])?)?$/);
const HOP = /^(connection|keep-alive|proxy-connection|te|upgrade|proxy-authenticate|proxy-authorization)$/i;
const OURS =
  /^(host|authorization|expect|content-length|transfer-encoding|x-request-id|x-forwarded-.*|x-sluice-service)$/i;
const hop = fc.constantFrom("Keep-Alive", "TE", "Upgrade", "Proxy-Connection", "PROXY-AUTHORIZATION");

function fieldsOf(head: MessageHead, buf: Buffer): [string, string][] {
  return Array.from({ length: head.fieldCount }, (_, i) => {
    const [a, b, c, d] = head.fields.subarray(i * FIELD_STRIDE, i * FIELD_STRIDE + 4);
    return [buf.toString("latin1", a, b), buf.toString("latin1", c, d)];
  });
}

test("property: a rewritten request parses, keeps other fields in order, and has none of this hop", () => {
  const field = fc.tuple(
    fc.oneof(
      token.filter((t) => !HOP.test(t) && !OURS.test(t)),
      hop,
    ),
    value,
  );
  fc.assert(
    fc.property(fc.array(field, { maxLength: 20 }), fc.boolean(), (fields, isFirstNominated) => {
      const nominated = isFirstNominated ? fields[0]?.[0] : undefined;
      const lines = fields.map(([name, text]) => `${name}: ${text}\r\n`).join("");
      const connection = nominated === undefined ? "" : `Connection: close, ${nominated}, Host\r\n`;
      const buf = Buffer.from(
        `POST /api/predict/s/r?q HTTP/1.1\r\n${connection}Host: h\r\n${lines}Content-Length: 0\r\n\r\n`,
        "latin1",
      );
      const head = new MessageHead();
      assert.equal(parseRequestHead(head, buf, 0, buf.length), buf.length);
      const out = Buffer.alloc(buf.length + ADDED_BYTES_MAX);
      const to = writeRequest(out, head, buf, head.pathFrom + "/api/predict/s".length, added);
      const again = new MessageHead();
      assert.equal(parseRequestHead(again, out, 0, to), to);
      assert.equal(out.toString("latin1", again.pathFrom, again.targetTo), "/r?q");
      const kept = fields.filter(
        ([name]) => !HOP.test(name) && name.toLowerCase() !== nominated?.toLowerCase(),
      );
      const own = [
        ["X-Request-Id", "id-1"],
        ["X-Forwarded-For", "10.0.0.1"],
        ["X-Forwarded-Proto", "http"],
        ["X-Forwarded-Host", "h"],
      ];
      assert.deepEqual(fieldsOf(again, out), [["Host", "h"], ...kept, ["Content-Length", "0"], ...own]);
    }),
  );
});

test("an answer keeps its status line and fields, less those of this hop, plus what the client must know", () => {
  const text =
    "HTTP/1.0 450 so full\r\nConnection: keep-alive, X-Inner\r\nX-Inner: 1\r\nX-Sluice-Service: spoof\r\nX-Sluice-Reason: QUEUE_FULL\r\nContent-Length: 0\r\n\r\n";
  const buf = Buffer.from(text, "latin1");
  const head = new MessageHead();
  parseResponseHead(head, buf, 0, buf.length);
  const out = Buffer.alloc(1024);
  const write = (isClosing: boolean, isKeepAliveSaid: boolean, memberLine: Buffer | null) =>
    out.toString(
      "latin1",
      0,
      writeResponse(out, head, buf, 0, {
        isClosing,
        isKeepAliveSaid,
        isDechunked: false,
        isUpgraded: false,
        memberLine,
      }),
    );
  const start = "HTTP/1.1 450 so full\r\nX-Sluice-Reason: QUEUE_FULL\r\nContent-Length: 0\r\n";
  assert.equal(write(false, false, null), `${start}\r\n`);
  assert.equal(write(true, false, Buffer.from("M: m\r\n")), `${start}M: m\r\nConnection: close\r\n\r\n`);
  assert.equal(write(false, true, null), `${start}Connection: keep-alive\r\n\r\n`);
});

test("a client that nominates our own fields as fields of its hop does not keep them from the instance", () => {
  const buf = Buffer.from(
    "GET /api/predict/s HTTP/1.1\r\nConnection: X-Forwarded-Proto, X-Forwarded-Host, X-Forwarded-For, X-Request-Id\r\nHost: h\r\n" +
      "X-Forwarded-Proto: https\r\nX-Forwarded-Host: a\r\nX-Request-Id: mine\r\n\r\n",
    "latin1",
  );
  const head = new MessageHead();
  assert.equal(parseRequestHead(head, buf, 0, buf.length), buf.length);
  const out = Buffer.alloc(buf.length + ADDED_BYTES_MAX);
  const to = writeRequest(out, head, buf, head.targetTo, added);
  const names = out.toString("latin1", 0, to).match(/^[^:\r\n]+(?=: )/gm);
  assert.deepEqual(names?.sort(), [
    "Host",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Request-Id",
  ]);
});
