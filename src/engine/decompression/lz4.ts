import { type Allocate, CorruptBody, copyBack, type Decoding, SLICE_BYTES } from "./block.ts";

/** First four bytes of a frame. No block begins so: its first match would lie before its start. */
const FRAME_MAGIC = 0x184d2204;
/** Descriptor flags of a frame (lz4_Frame_format.md): version in the two highest bits. */
const HAS_BLOCK_CHECKSUMS = 0x10;
const HAS_CONTENT_SIZE = 0x08;
const HAS_CONTENT_CHECKSUM = 0x04;
const HAS_DICTIONARY = 0x01;
/** Highest bit of a block's length: its bytes are there as they are. */
const STORED = 0x80000000;
/** Sequences sized between two pauses. */
const SLICE_SEQUENCES = 64 * 1024;

/** A part of the input that is one block, or stored bytes. */
interface Part {
  readonly from: number;
  readonly to: number;
  readonly isStored: boolean;
}

/**
 * Decodes LZ4: frames (lz4_Frame_format.md of lz4/lz4), one or more, or a single block (lz4_Block_format.md), which the Java SDK sends;
 * which of the two it is, is seen from the first bytes. A first pass adds up the lengths without making anything, so that exactly the
 * memory needed is asked for. The checksums of a frame are passed over, not compared.
 * @throws CorruptBody, and what `allocate` throws
 */
export function* decodeLz4(input: Uint8Array, allocate: Allocate): Decoding {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const isFramed = input.length >= 4 && view.getUint32(0, true) === FRAME_MAGIC;
  const parts = isFramed ? partsOfFrames(view) : [{ from: 0, to: input.length, isStored: false }];
  let length = 0;
  let sequences = 0;
  for (const { from, to, isStored } of parts) {
    if (isStored) {
      length += to - from;
      continue;
    }
    const cursor = { at: from };
    while (cursor.at < to) {
      length += sizeOfSequence(input, cursor, to);
      sequences++;
      if (sequences % SLICE_SEQUENCES === 0) yield;
    }
  }
  const out = allocate(length);
  let made = 0;
  let pauseAt = SLICE_BYTES;
  for (const { from, to, isStored } of parts) {
    if (isStored) {
      out.set(input.subarray(from, to), made);
      made += to - from;
      continue;
    }
    const cursor = { at: from };
    while (cursor.at < to) {
      const token = input[cursor.at++]!;
      const literals = extended(input, cursor, to, token >> 4);
      out.set(input.subarray(cursor.at, cursor.at + literals), made);
      cursor.at += literals;
      made += literals;
      if (cursor.at === to) break;
      const distance = input[cursor.at]! | (input[cursor.at + 1]! << 8);
      cursor.at += 2;
      const bytes = extended(input, cursor, to, token & 15) + 4;
      if (distance === 0 || distance > made) throw new CorruptBody("it copies from before its start");
      copyBack(out, made, distance, bytes);
      made += bytes;
      if (made >= pauseAt) {
        pauseAt = made + SLICE_BYTES;
        yield;
      }
    }
  }
  return out;
}

/** Passes over one sequence; the bytes that it makes. */
function sizeOfSequence(input: Uint8Array, cursor: { at: number }, to: number): number {
  const token = input[cursor.at++]!;
  const literals = extended(input, cursor, to, token >> 4);
  cursor.at += literals;
  if (cursor.at > to) throw new CorruptBody("it ends within a literal");
  // The last sequence of a block has no match.
  if (cursor.at === to) return literals;
  cursor.at += 2;
  if (cursor.at > to) throw new CorruptBody("it ends within a match");
  const bytes = literals + extended(input, cursor, to, token & 15) + 4;
  if (cursor.at === to) throw new CorruptBody("it ends with a match, which no block does");
  return bytes;
}

/** A length of 15 goes on with bytes that are added, up to the first below 255. */
function extended(input: Uint8Array, cursor: { at: number }, to: number, nibble: number): number {
  let length = nibble;
  if (nibble < 15) return length;
  for (;;) {
    if (cursor.at >= to) throw new CorruptBody("it ends within a length");
    const byte = input[cursor.at++]!;
    length += byte;
    if (byte < 255) return length;
  }
}

/** Where the blocks of one frame after the other lie. */
function partsOfFrames(view: DataView): Part[] {
  const parts: Part[] = [];
  const size = view.byteLength;
  const need = (at: number) => {
    if (at > size) throw new CorruptBody("its frame is not complete");
    return at;
  };
  let at = 0;
  while (at < size) {
    need(at + 7);
    if (view.getUint32(at, true) !== FRAME_MAGIC) throw new CorruptBody("what follows its frame is no frame");
    const flags = view.getUint8(at + 4);
    if (flags >> 6 !== 1) throw new CorruptBody("its frame has a version that is not 01");
    if ((flags & HAS_DICTIONARY) !== 0)
      throw new CorruptBody("it needs a dictionary, and nobody has one here");
    at = need(at + 7 + ((flags & HAS_CONTENT_SIZE) === 0 ? 0 : 8));
    for (;;) {
      need(at + 4);
      const word = view.getUint32(at, true);
      at += 4;
      if (word === 0) break;
      const bytes = word % STORED;
      parts.push({ from: at, to: need(at + bytes), isStored: word >= STORED });
      at = need(at + bytes + ((flags & HAS_BLOCK_CHECKSUMS) === 0 ? 0 : 4));
    }
    if ((flags & HAS_CONTENT_CHECKSUM) !== 0) at = need(at + 4);
  }
  return parts;
}
