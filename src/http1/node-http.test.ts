import assert from "node:assert/strict";
import { createServer, type IncomingMessage } from "node:http";
import { Duplex } from "node:stream";
import { test } from "node:test";
import { ContentCollector } from "./content-collector.ts";
import { MessageBody } from "./message-body.ts";
import { MessageHead } from "./message-head.ts";
import { parseRequestHead } from "./request-head.ts";

// node:http is the oracle: whatever we take for a message, it must take for the same one. It may take more.
interface Message {
  readonly method: string;
  readonly target: string;
  readonly body: string;
}

/** All messages that our codec reads from `raw`, and whether it refused what came after them. */
function ours(raw: Buffer): { messages: Message[]; isRefused: boolean } {
  const head = new MessageHead();
  const body = new MessageBody();
  const messages: Message[] = [];
  let at = 0;
  while (at < raw.length) {
    const bodyFrom = parseRequestHead(head, raw, at, raw.length);
    if (bodyFrom <= 0) return { messages, isRefused: bodyFrom < 0 };
    const collector = new ContentCollector(1 << 16, head.contentLength);
    body.sink = collector;
    body.startRequest(head);
    const method = raw.toString("latin1", head.methodFrom, head.methodTo);
    const target = raw.toString("latin1", head.targetFrom, head.targetTo);
    at = body.advance(raw, bodyFrom, raw.length);
    if (at < 0) return { messages, isRefused: at !== -1 };
    messages.push({ method, target, body: collector.take().toString("latin1") });
    if (!head.isKeepAlive) break;
  }
  return { messages, isRefused: false };
}

/** All whole messages that node:http reads from `raw`. */
async function nodes(raw: Buffer): Promise<Message[]> {
  const options = { keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 };
  // Without upgrades it goes on as we do: such a request is answered like any other.
  const server = createServer({ ...options, shouldUpgradeCallback: () => false });
  const messages: Message[] = [];
  const take = (req: IncomingMessage, answer: () => void) => {
    let body = "";
    req.setEncoding("latin1");
    req.on("data", (text: string) => {
      body += text;
    });
    req.on("end", () => {
      messages.push({ method: req.method ?? "", target: req.url ?? "", body });
      answer();
    });
  };
  server.on("request", (req, res) => take(req, () => res.end()));
  server.on("checkContinue", (req, res) => take(req, () => res.end()));
  server.on("connect", (_, socket) => socket.destroy());
  // Later, so that messages before the bad one have come to their end.
  server.on("clientError", (_, socket) => setImmediate(() => socket.destroy()));
  const { promise, resolve } = Promise.withResolvers<void>();
  const wire = new Duplex({
    read() {},
    write: (_chunk, _encoding, done) => done(),
    destroy(error, done) {
      done(error);
      resolve();
    },
  });
  wire.on("error", () => resolve());
  wire.on("finish", () => resolve());
  wire.on("close", () => resolve());
  server.emit("connection", wire);
  wire.push(raw);
  wire.push(null);
  await promise;
  wire.destroy();
  return messages;
}

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

// llhttp knows a list of methods and refuses others. "Any method is forwarded" (eas-reference §3.1), so we do not.
const KNOWN = /^(GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH)$/;

test("differential: what we accept, node:http reads the same way; differences are only refusals", async () => {
  let accepted = 0;
  let refused = 0;
  for (const text of corpus()) {
    const raw = Buffer.from(text, "latin1");
    const mine = ours(raw);
    if (mine.messages.some((m) => !KNOWN.test(m.method))) continue;
    const theirs = await nodes(raw);
    const compared = mine.isRefused ? theirs.slice(0, mine.messages.length) : theirs;
    assert.deepEqual(mine.messages, compared, JSON.stringify(text));
    if (mine.isRefused) refused++;
    else accepted++;
  }
  assert.ok(accepted > 1000 && refused > 1000, `${accepted} accepted, ${refused} refused`);
});
