/** Known answers of XXH32 with seed 0. The frames of block-formats.test.ts, which lz4 1.9.4 made, are checked by it, too. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { xxh32 } from "./xxh32.ts";

function hashOf(bytes: Buffer, sliceBytes = 1 << 20): { readonly hash: number; readonly pauses: number } {
  const run = xxh32(bytes, 0, bytes.length, sliceBytes);
  for (let pauses = 0; ; pauses++) {
    const step = run.next();
    if (step.done) return { hash: step.value, pauses };
  }
}

test("known answers", () => {
  assert.equal(hashOf(Buffer.alloc(0)).hash, 0x02cc5d05);
  assert.equal(hashOf(Buffer.from("abc")).hash, 0x32d153ff);
});

test("pauses change nothing, and a part of a buffer is hashed as if it were alone", () => {
  const bytes = Buffer.from(Array.from({ length: 1003 }, (_, i) => (i * 31) & 0xff));
  const whole = hashOf(bytes);
  const sliced = hashOf(bytes, 100);
  assert.equal(whole.pauses, 0);
  assert.ok(sliced.pauses >= 8);
  assert.equal(sliced.hash, whole.hash);
  const inside = xxh32(
    Buffer.concat([Buffer.from("xyz"), bytes, bytes]),
    3,
    3 + bytes.length,
    1 << 20,
  ).next();
  assert.equal(inside.value, whole.hash);
});
