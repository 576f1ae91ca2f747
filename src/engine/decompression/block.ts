/** What both block formats are made of: bytes taken as they are, and bytes taken from what is there already. */

/** A body is not what its format asks for; the message is for the client. */
export class CorruptBody extends Error {
  override readonly name = "CorruptBody";
}

/**
 * Memory for a body of exactly so many bytes. May throw instead, when that is more than allowed: it is asked once, and
 * before any of the memory is used.
 */
export type Allocate = (bytes: number) => Uint8Array;

/** A decoder pauses after each MiB or so, by `yield`, so that a long body does not hold up the other requests of its engine. */
export type Decoding = Generator<void, Uint8Array, void>;

/** Work between two pauses, in bytes made: half a millisecond or less. */
export const SLICE_BYTES = 1024 * 1024;

/** Copies `bytes` within `out`, from `distance` before `at`; the two may overlap, and then repeat what lies between. */
export function copyBack(out: Uint8Array, at: number, distance: number, bytes: number): void {
  const from = at - distance;
  if (distance >= bytes && bytes > 32) {
    out.copyWithin(at, from, from + bytes);
    return;
  }
  if (distance >= bytes || bytes <= 64) {
    for (let i = 0; i < bytes; i++) out[at + i] = out[from + i]!;
    return;
  }
  // What is there repeats with the period `distance`: each round doubles what can be copied at once.
  out.copyWithin(at, from, at);
  for (let done = distance; done < bytes; done *= 2)
    out.copyWithin(at + done, at, at + Math.min(done, bytes - done));
}
