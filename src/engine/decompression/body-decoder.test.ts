import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import type { Decompressor } from "../../core/instance-spec.ts";
import { BodyAllowance } from "../held-body.ts";
import { BodyDecoder, type Undecoded } from "./body-decoder.ts";

const MIB = 1024 * 1024;

function decoder(format: Decompressor, bodyBytesMax = 4 * MIB, allowance = new BodyAllowance(64 * MIB)) {
  const made = new BodyDecoder(format, { bodyBytesMax, allowance });
  const decode = (body: Uint8Array) =>
    new Promise<Buffer | Undecoded>((resolve) => made.start(body, resolve));
  return { made, decode, allowance };
}

/** All of the allowance is there again. */
const isWhole = (allowance: BodyAllowance, bytes = 64 * MIB) => allowance.hold(bytes) && !allowance.hold(1);

/** `bytes` zeros, as snappy and LZ4 have them: a bomb that needs no library. */
function snappyZeros(bytes: number): Buffer {
  const length: number[] = [];
  for (let rest = bytes; ; rest = Math.floor(rest / 128)) {
    length.push(rest < 128 ? rest : (rest % 128) | 0x80);
    if (rest < 128) break;
  }
  const copies = Buffer.from("fe0100".repeat((bytes - 1) / 64), "hex");
  return Buffer.concat([Buffer.from([...length, 0, 0]), copies]);
}
function lz4Zeros(bytes: number): Buffer {
  // One literal, a match from one byte before whose length goes on for many bytes of 255, and an empty last sequence.
  const rest = bytes - 1 - 4 - 15;
  return Buffer.concat([
    Buffer.from([0x1f, 0, 1, 0]),
    Buffer.alloc(Math.floor(rest / 255), 255),
    Buffer.from([rest % 255, 0]),
  ]);
}

const ZEROS = 3 * MIB + 1;
const COMPRESSED: Readonly<Record<Decompressor, (bytes: number) => Uint8Array>> = {
  zlib: (bytes) => deflateSync(Buffer.alloc(bytes)),
  gzip: (bytes) => gzipSync(Buffer.alloc(bytes)),
  zstd: (bytes) => zstdCompressSync(Buffer.alloc(bytes)),
  snappy: snappyZeros,
  lz4: lz4Zeros,
};

for (const format of Object.keys(COMPRESSED) as Decompressor[]) {
  const make = COMPRESSED[format];

  test(`${format}: a body is decoded, counted, and given back`, async () => {
    const { made, decode, allowance } = decoder(format);
    assert.deepEqual(await decode(make(ZEROS)), Buffer.alloc(ZEROS));
    assert.ok(!allowance.hold(64 * MIB - ZEROS + 1), "it is not counted");
    made.release();
    assert.ok(isWhole(allowance));
  });

  test(`${format}: a body that would be too long is refused, with the limit`, async () => {
    const { made, decode, allowance } = decoder(format, MIB);
    assert.deepEqual(await decode(make(ZEROS)), {
      reason: "BODY_TOO_LARGE",
      detail: "decompressed it is longer than 1048576 bytes",
    });
    made.release();
    assert.ok(isWhole(allowance));
  });

  test(`${format}: a body that the allowance has no room for is refused`, async () => {
    const { made, decode, allowance } = decoder(format, 4 * MIB, new BodyAllowance(MIB));
    assert.equal(((await decode(make(ZEROS))) as Undecoded).reason, "QUEUE_FULL");
    made.release();
    assert.ok(isWhole(allowance, MIB));
  });

  test(`${format}: what is cut off or something else is refused in a sentence`, async () => {
    const { decode } = decoder(format);
    const whole = make(ZEROS);
    for (const body of [
      whole.subarray(0, whole.length - 2),
      Buffer.from('{"no": "compression", "at": "all"}'),
    ]) {
      const got = await decode(body);
      assert.ok(!Buffer.isBuffer(got), "it was decoded");
      assert.equal(got.reason, "BODY_NOT_DECODED");
      assert.match(got.detail, new RegExp(`^${format}: [a-zA-Z]`));
    }
  });

  test(`${format}: after a release nothing is told, and the next body is decoded`, async () => {
    const { made, decode, allowance } = decoder(format);
    made.start(make(ZEROS), () => assert.fail("nobody waits for it"));
    made.release();
    assert.deepEqual(await decode(make(65)), Buffer.alloc(65));
    made.release();
    assert.ok(isWhole(allowance));
  });
}
