const P1 = 0x9e3779b1;
const P2 = 0x85ebca77;
const P3 = 0xc2b2ae3d;
const P4 = 0x27d4eb2f;
const P5 = 0x165667b1;
const STRIPE_BYTES = 16;

const rotated = (value: number, by: number) => (value << by) | (value >>> (32 - by));
const rounded = (lane: number, word: number) => Math.imul(rotated((lane + Math.imul(word, P2)) | 0, 13), P1);

/**
 * XXH32 with seed 0 (xxhash_spec.md of Cyan4973/xxHash), which LZ4 frames check themselves by. Pauses after each `sliceBytes`; gives an unsigned
 * number. `bytes[from..to)` is what is hashed.
 */
export function* xxh32(
  bytes: Uint8Array,
  from: number,
  to: number,
  sliceBytes: number,
): Generator<void, number> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = from;
  let hash: number;
  if (to - from >= STRIPE_BYTES) {
    let [a, b, c, d] = [(P1 + P2) | 0, P2 | 0, 0, -P1 | 0];
    let pauseAt = at + sliceBytes;
    for (; at + STRIPE_BYTES <= to; at += STRIPE_BYTES) {
      a = rounded(a, view.getInt32(at, true));
      b = rounded(b, view.getInt32(at + 4, true));
      c = rounded(c, view.getInt32(at + 8, true));
      d = rounded(d, view.getInt32(at + 12, true));
      if (at >= pauseAt) {
        pauseAt = at + sliceBytes;
        yield;
      }
    }
    hash = (rotated(a, 1) + rotated(b, 7) + rotated(c, 12) + rotated(d, 18)) | 0;
  } else {
    hash = P5 | 0;
  }
  hash = (hash + (to - from)) | 0;
  for (; at + 4 <= to; at += 4) {
    hash = Math.imul(rotated((hash + Math.imul(view.getInt32(at, true), P3)) | 0, 17), P4);
  }
  for (; at < to; at++) hash = Math.imul(rotated((hash + Math.imul(bytes[at]!, P5)) | 0, 11), P1);
  hash = Math.imul(hash ^ (hash >>> 15), P2);
  hash = Math.imul(hash ^ (hash >>> 13), P3);
  return (hash ^ (hash >>> 16)) >>> 0;
}
