import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TOKEN } from "./chars.ts";
import { FIELD, fieldOf } from "./field-names.ts";
import { skipVisible, viewOf } from "./words.ts";

const EXPECTED: Readonly<Record<string, number>> = {
  ...Object.fromEntries(
    Object.entries(FIELD)
      .filter(([name]) => name !== "OTHER" && name !== "FRAMING_IMITATION")
      .map(([name, field]) => [name.toLowerCase().replaceAll("_", "-"), field]),
  ),
  content_length: FIELD.FRAMING_IMITATION,
  transfer_encoding: FIELD.FRAMING_IMITATION,
};
const tokenBytes = [...TOKEN.keys()].filter((byte) => TOKEN[byte] === 1);
const anyCase = (name: string) =>
  fc
    .array(fc.boolean(), { minLength: name.length, maxLength: name.length })
    .map((up) => [...name].map((c, i) => (up[i] ? c.toUpperCase() : c)).join(""));
const token = fc.array(fc.constantFrom(...tokenBytes), { minLength: 1, maxLength: 40 });
const name = fc.oneof(
  fc.constantFrom(...Object.keys(EXPECTED)).chain(anyCase),
  token.map((bytes) => String.fromCharCode(...bytes)),
  // One byte off.
  fc
    .tuple(fc.constantFrom(...Object.keys(EXPECTED)), fc.nat(30), fc.constantFrom(...tokenBytes))
    .map(([text, at, byte]) => {
      const i = at % text.length;
      return text.slice(0, i) + String.fromCharCode(byte) + text.slice(i + 1);
    }),
);

test("a name is known by its letters in any case, and nothing else is", () => {
  fc.assert(
    fc.property(name, fc.nat(7), (text, before) => {
      const buf = Buffer.from(`${"x".repeat(before)}${text}: y`, "latin1");
      const found = fieldOf(viewOf(buf), before, before + text.length);
      assert.equal(found, EXPECTED[text.toLowerCase()] ?? FIELD.OTHER, text);
    }),
    { numRuns: 2000 },
  );
});

test("what is skipped is visible, and what stops it is near", () => {
  const byte = fc.oneof(
    { weight: 20, arbitrary: fc.integer({ min: 0x20, max: 0x7e }) },
    fc.integer({ min: 0, max: 255 }),
  );
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 60 }), fc.nat(8), (values, from) => {
      const buf = Buffer.from(values);
      const start = Math.min(from, buf.length);
      const to = skipVisible(viewOf(buf), start, buf.length);
      const isVisible = (value: number) => value >= 0x20 && value < 0x7f;
      assert.ok(buf.subarray(start, to).every(isVisible));
      const next = buf.subarray(to, to + 4);
      assert.ok(next.length < 4 || !next.every(isVisible));
    }),
    { numRuns: 2000 },
  );
});

test("each of the 65,536 pairs of bytes in a word is told rightly", () => {
  const buf = Buffer.alloc(8, 0x61);
  const view = viewOf(buf);
  for (let pair = 0; pair < 65_536; pair++) {
    for (let at = 0; at < 3; at++) {
      buf.fill(0x61);
      buf.writeUInt16LE(pair, at);
      const isGood = [pair & 255, pair >> 8].every((value) => value >= 0x20 && value < 0x7f);
      assert.equal(skipVisible(view, 0, 4), isGood ? 4 : 0);
    }
  }
});
