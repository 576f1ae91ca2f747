import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readWarmUpFile, shownAnswer, WARM_UP_REQUESTS_MAX } from "./warm-up.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** The requests of a file as text, each with its line. */
function requestsOf(name: string, bytes: Uint8Array): [number | null, string][] {
  const found = readWarmUpFile(name, bytes);
  assert.ok(found.kind === "requests", JSON.stringify(found));
  return found.requests.map(({ from, to, line }) => [
    line,
    new TextDecoder().decode(bytes.subarray(from, to)),
  ]);
}

const whyOf = (name: string, bytes: Uint8Array) => {
  const found = readWarmUpFile(name, bytes);
  assert.ok(found.kind === "refused");
  return found.why;
};

/**
 * A TensorFlow request as the Python SDK serialises it: signature_name "serving_default", and input "x" of type DT_FLOAT and shape
 * [1, 2] with the values 1 and 2. Written by hand from the wire format of protocol buffers.
 */
const TF_REQUEST = Uint8Array.from([
  0x0a,
  0x0f,
  ...bytesOf("serving_default"), // 1: signature_name
  0x12,
  0x17, // 2: inputs, one entry of 23 bytes
  0x0a,
  0x01,
  0x78, // key "x"
  0x12,
  0x12, // value: an array of 18 bytes
  0x08,
  0x01, // dtype DT_FLOAT
  0x12,
  0x04,
  0x0a,
  0x02,
  0x01,
  0x02, // shape: dim [1, 2], packed
  0x1a,
  0x08,
  0x00,
  0x00,
  0x80,
  0x3f,
  0x00,
  0x00,
  0x00,
  0x40, // float_val [1, 2], packed
]);

test("a .txt file is one request a line; empty lines, line ends of Windows and a byte order mark are none of them", () => {
  assert.deepEqual(requestsOf("w.txt", bytesOf('[{"a": 1}]\n[{"a": 2}]\n')), [
    [1, '[{"a": 1}]'],
    [2, '[{"a": 2}]'],
  ]);
  assert.deepEqual(requestsOf("W.TXT", bytesOf("\ufeffone\r\n\r\n \t\ntwo\r\n  three ")), [
    [1, "one"],
    [4, "two"],
    [5, "  three "],
  ]);
  const gbk = Uint8Array.from([0xc4, 0xe3, 0xba, 0xc3, 0x0a]);
  assert.deepEqual(readWarmUpFile("w.txt", gbk), {
    kind: "requests",
    requests: [{ from: 0, to: 4, line: 1 }],
  });
});

test("a .bin file is one request, whatever is in it", () => {
  const whole = (bytes: Uint8Array) => ({
    kind: "requests",
    requests: [{ from: 0, to: bytes.length, line: null }],
  });
  for (const bytes of [TF_REQUEST, bytesOf("one\ntwo\n"), Uint8Array.from([0])])
    assert.deepEqual(readWarmUpFile("dir/warm_up.bin", bytes), whole(bytes));
});

test("a file of another name is told by its bytes", () => {
  assert.deepEqual(requestsOf("warmup-data", bytesOf("eins\nzwölf\n")), [
    [1, "eins"],
    [2, "zwölf"],
  ]);
  const [only, ...more] = requestsOf("warmup-data", TF_REQUEST);
  assert.deepEqual([only?.[0], more.length], [null, 0]);
  assert.equal(requestsOf("a.json", Uint8Array.from([0x61, 0x0a, 0xff]))[0]![0], null);
  // A character that is cut where looking ends.
  const long = bytesOf(`${"x".repeat(64 * 1024 - 1)}é\nsecond`);
  assert.equal(requestsOf("long", long).length, 2);
});

test("what is no warm-up file says why", () => {
  assert.match(whyOf("a.txt", new Uint8Array()), /^it is empty$/);
  assert.match(whyOf("a.bin", new Uint8Array()), /^it is empty$/);
  assert.match(whyOf("a.txt", bytesOf("\ufeff\n \r\n\n")), /no request: all of its lines are empty/);
  assert.match(whyOf("a.txt", bytesOf("one\ntwo\nth\0ree\nfour\n")), /^line 3 has a NUL byte/);
  // UTF-16, as some editors of Windows write text.
  assert.match(
    whyOf("a.txt", Uint8Array.from([0xff, 0xfe, 0x61, 0x00, 0x0a, 0x00])),
    /^line 1 has a NUL byte/,
  );
  const many = bytesOf("1\n".repeat(WARM_UP_REQUESTS_MAX));
  assert.equal(requestsOf("a.txt", many).length, WARM_UP_REQUESTS_MAX);
  assert.match(whyOf("a.txt", bytesOf("1\n".repeat(WARM_UP_REQUESTS_MAX + 1))), /more than 10000 requests/);
});

/** Laws of every answer: requests lie in the file, in order, apart, are not empty, and a text's hold no line end and no NUL. */
function assertSound(name: string, bytes: Uint8Array): void {
  const found = readWarmUpFile(name, bytes);
  if (found.kind === "refused") {
    assert.ok(found.why.length > 0);
    return;
  }
  assert.ok(found.requests.length > 0);
  let last = -1;
  for (const { from, to, line } of found.requests) {
    assert.ok(from > last && to > from && to <= bytes.length);
    last = to;
    if (line === null) assert.deepEqual([from, to, found.requests.length], [0, bytes.length, 1]);
    else assert.ok(!bytes.subarray(from, to).some((byte) => byte === 0x0a || byte === 0));
  }
}

test("every file cut at every byte is read or refused, never worse", () => {
  const text = bytesOf('\ufeffeins\r\n\r\nzwölf \u{1f600}\n\n[{"a": 1}]\n');
  const zeros = Uint8Array.from([...text, 0, 0x0a, ...text]);
  for (const name of ["a.txt", "a.bin", "a"])
    for (const whole of [TF_REQUEST, text, zeros])
      for (let end = 0; end <= whole.length; end++) assertSound(name, whole.subarray(0, end));
  // What is cut off a text is the end of it, and nothing else.
  for (let end = 4; end <= text.length; end++) {
    const cut = requestsOf("a.txt", text.subarray(0, end));
    const all = requestsOf("a.txt", text);
    assert.deepEqual(cut.slice(0, -1), all.slice(0, cut.length - 1));
  }
});

test("any bytes are read or refused; any lines come out as they went in", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom("a.txt", "a.bin", "a"), (bytes, name) =>
      assertSound(name, bytes),
    ),
    { numRuns: 2_000 },
  );
  const line = fc
    .string({ unit: "binary", maxLength: 20 })
    .filter((s) => /^[^\n\r\0]*[^\n\r\0\t ][^\n\r\0]*$/u.test(s) && !s.startsWith("\ufeff"));
  fc.assert(
    fc.property(
      fc.array(line, { minLength: 1, maxLength: 9 }),
      fc.constantFrom("\n", "\r\n", "\n\n"),
      (lines, end) => {
        const texts = requestsOf("a.txt", bytesOf(lines.join(end))).map(([, text]) => text);
        assert.deepEqual(texts, lines);
      },
    ),
    { numRuns: 500 },
  );
});

test("an answer is shown on one line, and only its first part", () => {
  assert.equal(shownAnswer(bytesOf("  no\nsuch\tcolumn\n")), "no such column");
  assert.equal(shownAnswer(new Uint8Array()), "");
  assert.equal(shownAnswer(bytesOf("é".repeat(300))), "é".repeat(300));
  assert.equal(shownAnswer(bytesOf("é".repeat(301))), `${"é".repeat(300)}…`);
  assert.equal(shownAnswer(bytesOf("\u{1f600}".repeat(5000))), `${"\u{1f600}".repeat(300)}…`);
  assert.equal(shownAnswer(Uint8Array.from([0xff, 0x00, 0x61])), "\ufffd a");
});
