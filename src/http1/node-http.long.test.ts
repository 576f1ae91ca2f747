import assert from "node:assert/strict";
import { test } from "node:test";
import { DIFFERENCES, differenceOf } from "../testing/http1-differences.ts";
import { isMethodKnownToNode, type ReadRequest, readByCodec, readByNode } from "../testing/http1-oracle.ts";

// node:http is the oracle: whatever we take for a message, it must take for the same one. It may take more; then the
// reason is in the list of differences (docs/internals/http1-differences.md).
const PLAIN = "POST /a?b HTTP/1.1\r\nHost: h:1\r\nX-A: b\r\nContent-Length: 3\r\n\r\nabc";
const CHUNKS =
  "PUT /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: u\r\n\r\n";
const CLOSING = "GET /d HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
const BASES = [PLAIN, CHUNKS, `${PLAIN}${CHUNKS}${CLOSING}`];
const BYTES = ["", "\0", "\t", "\n", "\r", "\r\n", " ", ":", ";", ",", "0", "a", "\x7f", "\xff"];
const HANDMADE = [
  "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0003\r\n\r\nabc",
  "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
  "POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc",
  "GET / HTTP/1.1\r\n\r\n",
  "GET http://h/x HTTP/1.1\r\nHost: h\r\n\r\n",
  "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
  "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n",
  "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: h\r\nX: y\r\n z\r\n\r\n",
];

const PIECES = [
  ...BYTES,
  ...[
    '"',
    "=",
    "\x0b",
    "-",
    "+",
    "%",
    "*",
    "chunked",
    "HTTP/1.0",
    "http://h",
    "5\r\n",
    "\r\n\r\n",
    "Host: h\r\n",
  ],
  ...[
    "Content-Length: 3\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Connection: close\r\n",
    "Expect: 100-continue\r\n",
  ],
];

/** Bases with one to three pieces put in at random places, the same in each run. */
function* mangled(count: number): Generator<string> {
  let state = 1;
  const roll = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  for (let i = 0; i < count; i++) {
    let text = BASES[roll(BASES.length)]!;
    for (let changes = 1 + roll(3); changes > 0; changes--) {
      const at = roll(text.length);
      text = text.slice(0, at) + PIECES[roll(PIECES.length)]! + text.slice(at + roll(4));
    }
    yield text;
  }
}

/** Every base with one byte put in, or put in place of another, at every position; and random ones. */
function* corpus(): Generator<string> {
  yield* HANDMADE;
  yield* mangled(10_000);
  for (const base of BASES) {
    for (let at = 0; at < Math.min(base.length, 100); at++) {
      for (const byte of BYTES) {
        yield base.slice(0, at) + byte + base.slice(at + 1);
        yield base.slice(0, at) + byte + base.slice(at);
      }
    }
  }
}

/** Compares the two readings of one stream. Returns the listed difference, "same", or "skipped" for an unknown method. */
function compare(text: string, theirs: readonly ReadRequest[]): string {
  const { messages, refusal, restFrom, beforeUpgrade } = readByCodec(Buffer.from(text, "latin1"));
  if (messages.some((m) => !isMethodKnownToNode(m.method))) return "skipped";
  const ours = messages.slice(0, beforeUpgrade);
  const told = JSON.stringify(text);
  assert.deepEqual(ours, theirs.slice(0, ours.length), told);
  if (theirs.length === ours.length || beforeUpgrade < messages.length) return "same";
  const difference = differenceOf(refusal, text.slice(restFrom));
  return difference?.name ?? `not listed: ${refusal} ${told}`;
}

test("differential: what we accept, node:http reads the same way; every difference is listed and only a refusal", async () => {
  const met = new Map<string, number>();
  for (const text of corpus()) {
    const name = compare(text, await readByNode([Buffer.from(text, "latin1")]));
    met.set(name, (met.get(name) ?? 0) + 1);
  }
  const unlisted = [...met.keys()].filter((name) => name.startsWith("not listed"));
  assert.deepEqual(unlisted, []);
  assert.ok((met.get("same") ?? 0) > 5000 && met.size > 10, JSON.stringify([...met]));
});

test("differential: each listed difference is one", async () => {
  for (const { name, example, refusal } of DIFFERENCES) {
    const ours = readByCodec(Buffer.from(example, "latin1"));
    assert.equal(ours.refusal, refusal, name);
    const theirs = await readByNode([Buffer.from(example, "latin1")]);
    assert.ok(theirs.length > ours.messages.length, `${name}: node:http read ${theirs.length}`);
    assert.equal(compare(example, theirs), name);
  }
});

test("differential: the same streams cut in two at every position are read as whole ones", async () => {
  for (const text of [...BASES, ...HANDMADE, ...DIFFERENCES.map((d) => d.example)]) {
    if (text.length > 400) continue;
    const raw = Buffer.from(text, "latin1");
    const whole = await readByNode([raw]);
    for (let cut = 1; cut < raw.length; cut++) {
      const theirs = await readByNode([raw.subarray(0, cut), raw.subarray(cut)]);
      assert.deepEqual(theirs, whole, `${JSON.stringify(text)} cut at ${cut}`);
      assert.doesNotMatch(compare(text, theirs), /^not listed/);
    }
  }
});
