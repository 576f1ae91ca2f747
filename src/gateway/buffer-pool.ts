import { assert } from "../base/assert.ts";
import { HEAD_BYTES_MAX } from "../http1/limits.ts";
import { LONG_READ_BYTES, PIPELINE_BYTES_MAX, READ_BYTES } from "./limits.ts";

/** Most bytes that are ever written at once: a rewritten head, our own fields, and all of the body that was at hand. */
export const OUT_BYTES_MAX = HEAD_BYTES_MAX + PIPELINE_BYTES_MAX + READ_BYTES + 8 * 1024;

/**
 * Buffers for outgoing messages in four sizes, and for long reads. Small requests, which are nearly all, must not hold large ones
 * while in flight: 20 KiB for each of 2000 would be 40 MB. `kept` bounds what lies idle; it is more than the requests that are usually in
 * flight at once, for fresh memory costs as much as the rest of such a request.
 */
const CLASSES = [
  { bytes: 2 * 1024, kept: 2048, free: [] as Buffer[] },
  { bytes: 20 * 1024, kept: 128, free: [] as Buffer[] },
  { bytes: 80 * 1024, kept: 128, free: [] as Buffer[] },
  { bytes: OUT_BYTES_MAX, kept: 32, free: [] as Buffer[] },
  { bytes: LONG_READ_BYTES, kept: 16, free: [] as Buffer[] },
];

/** A buffer of at least `bytes`, with old content. Give it back with {@link giveBuffer}, or leave it to the collector. */
export function takeBuffer(bytes: number): Buffer {
  for (const size of CLASSES) {
    // allocUnsafeSlow: one array buffer each, never a slice of Node's own pool.
    if (bytes <= size.bytes) return size.free.pop() ?? Buffer.allocUnsafeSlow(size.bytes);
  }
  assert(false, `no buffer of ${bytes} bytes`);
}

/** Gives a buffer back. Nothing may point at it any more: no write that is not finished, no view. */
export function giveBuffer(buffer: Buffer): void {
  for (const size of CLASSES) {
    if (buffer.length !== size.bytes) continue;
    if (size.free.length < size.kept) size.free.push(buffer);
    return;
  }
}
