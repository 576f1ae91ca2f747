import { type Allocate, CorruptBody, copyBack, type Decoding, SLICE_BYTES } from "./block.ts";

/** Longest that one byte of a block can become: a copy of 64 bytes takes three. */
const GROWTH_MAX = 22;

/**
 * Decodes one block of the snappy format (format_description.txt of google/snappy, without frames): what the official
 * SDKs send. The length stands at its start; one that the rest cannot reach is refused before memory is taken for it.
 * @throws CorruptBody, and what `allocate` throws
 */
export function* decodeSnappy(input: Uint8Array, allocate: Allocate): Decoding {
  let at = 0;
  let length = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = input[at++];
    if (byte === undefined || shift > 28) throw new CorruptBody("its length is not readable");
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  if (length > (input.length - at) * GROWTH_MAX) {
    throw new CorruptBody(`it claims ${length} bytes, which so short a block cannot hold`);
  }
  const out = allocate(length);
  let made = 0;
  let pauseAt = SLICE_BYTES;
  while (at < input.length) {
    const tag = input[at++]!;
    const kind = tag & 3;
    let bytes = (tag >> 2) + 1;
    if (kind === 0) {
      if (bytes > 60) {
        const width = bytes - 60;
        bytes = littleEndian(input, at, width) + 1;
        at += width;
      }
      if (at + bytes > input.length) throw new CorruptBody("it ends within a literal");
      if (made + bytes > length) throw tooLong(length);
      out.set(input.subarray(at, at + bytes), made);
      at += bytes;
    } else {
      let distance: number;
      if (kind === 1) {
        bytes = ((tag >> 2) & 7) + 4;
        distance = ((tag >> 5) << 8) | littleEndian(input, at, 1);
        at += 1;
      } else {
        const width = kind === 2 ? 2 : 4;
        distance = littleEndian(input, at, width);
        at += width;
      }
      if (distance === 0 || distance > made) throw new CorruptBody("it copies from before its start");
      if (made + bytes > length) throw tooLong(length);
      copyBack(out, made, distance, bytes);
    }
    made += bytes;
    if (made >= pauseAt) {
      pauseAt = made + SLICE_BYTES;
      yield;
    }
  }
  if (made < length) throw new CorruptBody(`it ends after ${made} of ${length} bytes`);
  return out;
}

const tooLong = (length: number) => new CorruptBody(`it holds more than the ${length} bytes that it claims`);

function littleEndian(input: Uint8Array, at: number, width: number): number {
  if (at + width > input.length) throw new CorruptBody("it ends within an element");
  let value = 0;
  for (let i = width - 1; i >= 0; i--) value = value * 256 + input[at + i]!;
  return value;
}
