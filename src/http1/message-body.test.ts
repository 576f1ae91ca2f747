import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ContentCollector } from "./content-collector.ts";
import { CHUNK_EXTENSION_BYTES_MAX, TRAILER_BYTES_MAX } from "./limits.ts";
import { BODY_BROKEN, BODY_MORE, BODY_REFUSED, MessageBody } from "./message-body.ts";
import { MessageHead } from "./message-head.ts";

const chunkedHead = new MessageHead();
chunkedHead.isChunked = true;
const lengthHead = (length: number) => Object.assign(new MessageHead(), { contentLength: length });

/** Feeds `text` in pieces that end at `cuts`. Returns the end as an index into the whole, and the content. */
function feed(head: MessageHead, text: string, cuts: readonly number[], limit = 1 << 20) {
  const buf = Buffer.from(text, "latin1");
  const body = new MessageBody();
  const collector = new ContentCollector(limit, head.contentLength);
  body.sink = collector;
  body.startRequest(head);
  let result = body.isDone ? 0 : BODY_MORE;
  let from = 0;
  for (const cut of [...cuts, buf.length]) {
    if (result !== BODY_MORE) break;
    // A fresh copy each time, so that nothing can be read beyond the piece.
    const piece = Buffer.from(buf.subarray(from, cut));
    const end = body.advance(piece, 0, piece.length);
    result = end >= 0 ? from + end : end;
    from = cut;
  }
  return { result, content: collector.take().toString("latin1") };
}

const GOOD: readonly [MessageHead, string, string][] = [
  [lengthHead(5), "hello", "hello"],
  [lengthHead(0), "", ""],
  [lengthHead(-1), "", ""],
  [chunkedHead, "0\r\n\r\n", ""],
  [chunkedHead, "5\r\nhello\r\n0\r\n\r\n", "hello"],
  [chunkedHead, "00005\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n", "hello0123456789"],
  [chunkedHead, '5;a=b;c="d \\" e";f\r\nhello\r\n0;last\r\n\r\n', "hello"],
  [chunkedHead, "1\r\n\n\r\n0\r\nX-Sum: 1\r\nY:\r\n\r\n", "\n"],
];
const BAD: readonly [string, string][] = [
  ["no size", "\r\nhello"],
  ["space first", " 5\r\nhello"],
  ["space after", "5 \r\nhello"],
  ["sign", "+5\r\nhello"],
  ["0x", "0x5\r\nhello"],
  ["not hex", "g\r\n"],
  ["9 digits", "000000005\r\nhello"],
  ["a size that 32 bits read as 5", "100000005\r\nhello"],
  ["a size that 32 bits with a sign read as negative", "80000000\r\nhello"],
  ["LF after size", "5\nhello"],
  ["CR x after size", "5\rxhello"],
  ["data too long", "5\r\nhello!\r\n"],
  ["LF after data", "5\r\nhello\n"],
  ["tab in extension", "5;\ta\r\n"],
  ["empty extension", "5;\r\n"],
  ["extension without value", "5;a=\r\n"],
  ["text behind a quote", '5;a="b"c\r\n'],
  ["open quote", '5;a="b\r\n'],
  ["escaped control", '5;a="\\\n"\r\n'],
  ["NUL in extension", "5;\0\r\n"],
  ["LF in extension", "5;a\nb\r\n"],
  ["long extension", `5;${"a".repeat(CHUNK_EXTENSION_BYTES_MAX + 1)}\r\n`],
  ["space before trailer", "0\r\n X: a\r\n\r\n"],
  ["trailer without colon", "0\r\nX\r\n\r\n"],
  ["LF in trailer", "0\r\nX: a\nb\r\n\r\n"],
  ["CR in trailer", "0\r\nX: a\rb\r\n\r\n"],
  ["Transfer-Encoding as trailer", "0\r\ntransfer-Encoding: chunked\r\n\r\n"],
  ["Content-Length as trailer", "0\r\nA: b\r\nContent-Length: 5\r\n\r\n"],
  ["Host as trailer", "0\r\nHOST: h\r\n\r\n"],
  ["Authorization as trailer", "0\r\nAuthorization: t\r\n\r\n"],
  ["Cookie as trailer", "0\r\nCookie: a\r\n\r\n"],
  ["X-Forwarded-For as trailer", "0\r\nX-Forwarded-For: a\r\n\r\n"],
  ["Content_Length as trailer", "0\r\nContent_Length: 5\r\n\r\n"],
  ["long trailer", `0\r\nX: ${"a".repeat(TRAILER_BYTES_MAX)}\r\n\r\n`],
  ["end is LF", "0\r\n\n"],
];

test("bodies end where they should, cut at every position, and what follows is left alone", () => {
  for (const [head, text, content] of GOOD) {
    for (let cut = 0; cut <= text.length; cut++) {
      assert.deepEqual(
        feed(head, `${text}GET /next`, [cut]),
        { result: text.length, content },
        `${text} at ${cut}`,
      );
    }
    const everywhere = Array.from(text, (_, i) => i + 1);
    assert.deepEqual(feed(head, `${text}GET`, everywhere), { result: text.length, content });
  }
});

test("broken chunking is refused, cut at every position", () => {
  for (const [name, text] of BAD) {
    const step = text.length > 200 ? 101 : 1;
    for (let cut = 0; cut <= text.length; cut += step) {
      assert.equal(feed(chunkedHead, text, [cut]).result, BODY_BROKEN, `${name} at ${cut}`);
    }
  }
});

test("a body goes on until all of it is here", () => {
  assert.equal(feed(lengthHead(6), "hello", []).result, BODY_MORE);
  assert.equal(feed(chunkedHead, "5\r\nhello\r\n0\r\n", []).result, BODY_MORE);
  assert.equal(feed(chunkedHead, "7FFFFFFF\r\nhello", []).result, BODY_MORE);
});

test("the collector refuses what passes its limit, at the limit and not before", () => {
  assert.equal(feed(lengthHead(5), "hello", [2], 5).result, 5);
  assert.equal(feed(lengthHead(5), "hello", [2], 4).result, BODY_REFUSED);
  assert.equal(feed(chunkedHead, "5\r\nhello\r\n0\r\n\r\n", [], 4).result, BODY_REFUSED);
});

test("response bodies: none, by length, chunked, until close", () => {
  const body = new MessageBody();
  const start = (status: number, fields: Partial<MessageHead>, wasHead = false) => {
    body.startResponse(Object.assign(new MessageHead(), { status }, fields), wasHead);
    return body.isDone ? "none" : body.isUntilClose ? "until close" : "framed";
  };
  assert.equal(start(200, { contentLength: 5 }), "framed");
  assert.equal(start(200, { contentLength: 0 }), "none");
  assert.equal(start(200, { isChunked: true }), "framed");
  assert.equal(start(200, {}), "until close");
  assert.equal(body.advance(Buffer.from("abc"), 0, 3), BODY_MORE);
  assert.equal(start(200, { contentLength: 5 }, true), "none");
  assert.equal(start(204, {}), "none");
  assert.equal(start(304, { contentLength: 5 }), "none");
  assert.equal(start(101, {}), "none");
});

test("property: any content in any chunks cut anywhere comes out whole", () => {
  const chunk = fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.constantFrom("", ";x", ';y="z"'));
  const input = fc.tuple(fc.array(chunk, { maxLength: 8 }), fc.array(fc.nat(400), { maxLength: 10 }));
  fc.assert(
    fc.property(input, ([chunks, cuts]) => {
      const texts = chunks.map(([bytes, ext]) => {
        const data = Buffer.from(bytes).toString("latin1");
        return { data, framed: `${data.length.toString(16)}${ext}\r\n${data}\r\n` };
      });
      const text = `${texts.map((t) => t.framed).join("")}0\r\nA: b\r\n\r\n`;
      const sorted = cuts.filter((c) => c < text.length).toSorted((a, b) => a - b);
      const expected = { result: text.length, content: texts.map((t) => t.data).join("") };
      assert.deepEqual(feed(chunkedHead, `${text}rest`, sorted), expected);
    }),
  );
});
