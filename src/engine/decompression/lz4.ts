import { type Allocate, CorruptBody, copyBack, type Decoding, SLICE_BYTES } from "./block.ts";
import { xxh32 } from "./xxh32.ts";

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
  /** XXH32 of its bytes as they came; null: none was given. */
  readonly checksum: number | null;
  /** XXH32 of all that was made since the frame began, behind its last part; null: none is due here. */
  contentChecksum: number | null;
  /** The first of its frame. */
  readonly isFirst: boolean;
}

/**
 * Decodes LZ4: frames (lz4_Frame_format.md of lz4/lz4), one or more, or a single block (lz4_Block_format.md), which the Java SDK sends;
 * which of the two it is, is seen from the first bytes. A first pass adds up the lengths without making anything, so that exactly the
 * memory needed is asked for. The checksums of a frame are compared.
 * @throws CorruptBody, and what `allocate` throws
 */
export function* decodeLz4(input: Uint8Array, allocate: Allocate): Decoding {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const isFramed = input.length >= 4 && view.getUint32(0, true) === FRAME_MAGIC;
  const parts = isFramed ? partsOfFrames(view) : [wholeBlock(input.length)];
  let length = 0;
  let sequences = 0;
  for (const { from, to, isStored, checksum } of parts) {
    if (checksum !== null && (yield* xxh32(input, from, to, SLICE_BYTES)) !== checksum)
      throw new CorruptBody("the checksum of one of its blocks does not fit");
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
  let frameFrom = 0;
  for (const { from, to, isStored, isFirst, contentChecksum } of parts) {
    if (isFirst) frameFrom = made;
    if (isStored) {
      out.set(input.subarray(from, to), made);
      made += to - from;
    }
    const cursor = { at: from };
    while (!isStored && cursor.at < to) {
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
    if (contentChecksum !== null && (yield* xxh32(out, frameFrom, made, SLICE_BYTES)) !== contentChecksum)
      throw new CorruptBody("the checksum of its content does not fit");
  }
  return out;
}

const wholeBlock = (to: number): Part => ({
  from: 0,
  to,
  isStored: false,
  checksum: null,
  contentChecksum: null,
  isFirst: true,
});

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
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
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
    const descriptor = at + 4;
    at = need(at + 7 + ((flags & HAS_CONTENT_SIZE) === 0 ? 0 : 8));
    const { value } = xxh32(bytes, descriptor, at - 1, SLICE_BYTES).next();
    if (((Number(value) >>> 8) & 0xff) !== bytes[at - 1])
      throw new CorruptBody("the checksum of its frame's head does not fit");
    let isFirst = true;
    for (;;) {
      need(at + 4);
      const word = view.getUint32(at, true);
      at += 4;
      if (word === 0) break;
      const length = word % STORED;
      const [from, to] = [at, need(at + length)];
      const isChecked = (flags & HAS_BLOCK_CHECKSUMS) !== 0;
      at = need(to + (isChecked ? 4 : 0));
      const checksum = isChecked ? view.getUint32(to, true) : null;
      parts.push({ from, to, isStored: word >= STORED, checksum, contentChecksum: null, isFirst });
      isFirst = false;
    }
    if ((flags & HAS_CONTENT_CHECKSUM) === 0) continue;
    at = need(at + 4);
    const contentChecksum = view.getUint32(at - 4, true);
    // A frame without blocks has one without bytes, so that its checksum is compared, too.
    if (isFirst) parts.push({ from: at, to: at, isStored: true, checksum: null, contentChecksum, isFirst });
    else parts.at(-1)!.contentChecksum = contentChecksum;
  }
  return parts;
}
