import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CorruptBody, copyBack, type Decoding } from "./block.ts";
import { decodeLz4 } from "./lz4.ts";
import { decodeSnappy } from "./snappy.ts";

const row = (i: number) => `row ${i % 7}: age 54.5, pain typical; `;
const TEXT = Buffer.concat([
  Buffer.from(Array.from({ length: 12 }, (_, i) => row(i)).join("")),
  Buffer.alloc(300, "a"),
  Buffer.from(Array.from({ length: 64 }, (_, i) => i)),
]);
const STORED = Buffer.from(Array.from({ length: 40 }, (_, i) => i));

/** Made of the texts above by snappy (cramjam 2.14.0) and by lz4 1.9.4. */
const VECTORS: readonly [name: string, decode: typeof decodeLz4, text: Buffer, base64: string][] = [
  [
    "snappy block",
    decodeSnappy,
    TEXT,
    "4AWQcm93IDA6IGFnZSA1NC41LCBwYWluIHR5cGljYWw7IHJvdyAxOnIfAAAydj4AADN2HwAANHYfAAA1dh8AADZ2HwD+2QD+2QBa2QAAYf4BAP4BAP4BAP4BAKoBAPA/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==",
  ],
  [
    "lz4 block",
    decodeLz4,
    TEXT,
    "8BByb3cgMDogYWdlIDU0LjUsIHBhaW4gdHlwaWNhbDsgHwAfMR8ACx8yHwALHzMfAAsfNB8ACx81HwALHzYfAAsP2QCEH2EBAP8Z8DEAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4/",
  ],
  [
    "lz4 frame with content size and checksum",
    decodeLz4,
    TEXT,
    "BCJNGGxA4AIAAAAAAABvjQAAAPAQcm93IDA6IGFnZSA1NC41LCBwYWluIHR5cGljYWw7IB8AHzEfAAsfMh8ACx8zHwALHzQfAAsfNR8ACx82HwAHD9kAiB9hAQD/GfAxAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+PwAAAAAHGZmD",
  ],
  [
    "lz4 frame with linked blocks and their checksums",
    decodeLz4,
    TEXT,
    "BCJNGHRAvY0AAADwEHJvdyAwOiBhZ2UgNTQuNSwgcGFpbiB0eXBpY2FsOyAfAB8xHwALHzIfAAsfMx8ACx80HwALHzUfAAsfNh8ACw/ZAIQfYQEA/xnwMQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj+cZOIzAAAAAAcZmYM=",
  ],
  [
    "lz4 frame with stored bytes",
    decodeLz4,
    STORED,
    "BCJNGGBAgigAAIAAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYnAAAAAA==",
  ],
];
const encoded = (base64: string) => Buffer.from(base64, "base64");

function run(decoding: Decoding): Buffer {
  for (;;) {
    const step = decoding.next();
    if (step.done === true) return Buffer.from(step.value);
  }
}
const allocate = (bytes: number) => new Uint8Array(bytes);
/** What a decoder makes of it, or why it does not; anything but CorruptBody is a bug. */
function attempt(decode: typeof decodeLz4, input: Uint8Array): Buffer | string {
  try {
    return run(
      decode(input, (bytes) => {
        assert.ok(bytes <= 255 * input.length, `${bytes} bytes asked for, of ${input.length}`);
        return allocate(bytes);
      }),
    );
  } catch (error) {
    assert.ok(error instanceof CorruptBody, String(error));
    return error.message;
  }
}

for (const [name, decode, text, base64] of VECTORS) {
  test(`${name}: gives the text, refuses each part of itself, and survives any change of a byte`, () => {
    const input = encoded(base64);
    assert.deepEqual(run(decode(input, allocate)), text);
    for (let to = 0; to < input.length; to++) {
      const got = attempt(decode, input.subarray(0, to));
      // A raw block has no length of its own: one that is cut between two sequences, after a literal, is a shorter one.
      if (typeof got !== "string")
        assert.ok(decode === decodeLz4 && text.subarray(0, got.length).equals(got));
    }
    fc.assert(
      fc.property(fc.nat(input.length - 1), fc.nat(255), (at, byte) => {
        const changed = Buffer.from(input);
        changed[at] = byte;
        attempt(decode, changed);
      }),
      { numRuns: 2000 },
    );
  });
}

test("a frame with a checksum of its content gives no other content, whatever byte of it is changed", () => {
  for (const [name, decode, text, base64] of VECTORS.filter(([name]) => name.includes("checksum"))) {
    const input = encoded(base64);
    for (let at = 0; at < input.length; at++) {
      for (const bit of [1, 0x10, 0x80]) {
        const changed = Buffer.from(input);
        changed[at]! ^= bit;
        // Without its first four bytes it is taken for a block; a copy from one period before is the same.
        const got = attempt(decode, changed);
        assert.ok(typeof got === "string" || at < 4 || text.equals(got), `${name}: byte ${at}`);
      }
    }
  }
});

test("bytes by chance are decoded or refused, never anything else", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.constantFrom(decodeLz4, decodeSnappy),
      (input, decode) => {
        attempt(decode, input);
      },
    ),
    { numRuns: 5000 },
  );
});

test("frames one after the other are one body; what is no frame is refused", () => {
  const frame = encoded(VECTORS[4]![3]);
  const twice = Buffer.concat([frame, frame]);
  assert.deepEqual(run(decodeLz4(twice, allocate)), Buffer.concat([STORED, STORED]));
  assert.equal(attempt(decodeLz4, Buffer.concat([frame, STORED])), "what follows its frame is no frame");
});

test("memory is asked for once, with the exact size, before any of the body is made", () => {
  for (const [name, decode, text, base64] of VECTORS) {
    const asked: number[] = [];
    run(
      decode(encoded(base64), (bytes) => {
        asked.push(bytes);
        return allocate(bytes);
      }),
    );
    assert.deepEqual(asked, [text.length], name);
  }
  // A length of 4 GiB in five bytes, and three bytes of content.
  const liar = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f, 0x00, 0x61);
  assert.throws(() => run(decodeSnappy(liar, () => assert.fail("asked for"))), /claims 4294967295 bytes/);
});

test("a long body is decoded with pauses", () => {
  // One literal byte, then copies of 64 bytes from one byte before: 4 MiB.
  const copies = 64 * 1024;
  const length = copies * 64 + 1;
  const head = [
    (length & 0x7f) | 0x80,
    ((length >> 7) & 0x7f) | 0x80,
    ((length >> 14) & 0x7f) | 0x80,
    length >> 21,
    0,
    97,
  ];
  const input = Buffer.concat([Buffer.from(head), Buffer.from("fe0100".repeat(copies), "hex")]);
  const decoding = decodeSnappy(input, allocate);
  let pauses = 0;
  for (;;) {
    const step = decoding.next();
    if (step.done === true) {
      assert.deepEqual(Buffer.from(step.value), Buffer.alloc(length, "a"));
      break;
    }
    pauses++;
  }
  assert.equal(pauses, 4);
});

test("a copy that overlaps itself repeats what lies between", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 0, max: 500 }), (distance, bytes) => {
      const wanted = Array.from({ length: distance }, (_, i) => i);
      for (let i = 0; i < bytes; i++) wanted.push(wanted[wanted.length - distance]!);
      const out = Uint8Array.from(wanted).fill(0, distance);
      copyBack(out, distance, distance, bytes);
      assert.deepEqual([...out], wanted);
    }),
  );
});
