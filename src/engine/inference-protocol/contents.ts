import { BrokenMessage, MessageReader, WIRE } from "./wire.ts";

/** What is wrong with an input, for the client. */
export class BadTensor extends Error {
  override readonly name = "BadTensor";
}

interface Contents {
  /** Field of InferTensorContents that has the elements. */
  readonly field: number;
  readonly fieldName: string;
  readonly wire: number;
  /** Bytes of an element as binary data. */
  readonly bytes: number;
  /** Least and largest whole number; absent: all that the field has. */
  readonly min?: number;
  readonly max?: number;
}

const int = (bytes: number, max: number): Contents => ({
  ...{ field: 2, fieldName: "int_contents", wire: WIRE.VARINT, bytes },
  ...{ min: -max - 1, max },
});
const uint = (bytes: number, max: number): Contents => ({
  ...{ field: 4, fieldName: "uint_contents", wire: WIRE.VARINT, bytes },
  ...{ min: 0, max },
});

/** Where the elements of a datatype are. FP16 is in none of the fields: it comes as raw_input_contents only. */
const CONTENTS: ReadonlyMap<string, Contents> = new Map([
  ["BOOL", { field: 1, fieldName: "bool_contents", wire: WIRE.VARINT, bytes: 1, min: 0, max: 1 }],
  ["INT8", int(1, 0x7f)],
  ["INT16", int(2, 0x7fff)],
  ["INT32", int(4, 0x7fffffff)],
  ["INT64", { field: 3, fieldName: "int64_contents", wire: WIRE.VARINT, bytes: 8 }],
  ["UINT8", uint(1, 0xff)],
  ["UINT16", uint(2, 0xffff)],
  ["UINT32", uint(4, 0xffffffff)],
  ["UINT64", { field: 5, fieldName: "uint64_contents", wire: WIRE.VARINT, bytes: 8 }],
  ["FP32", { field: 6, fieldName: "fp32_contents", wire: WIRE.FIXED32, bytes: 4 }],
  ["FP64", { field: 7, fieldName: "fp64_contents", wire: WIRE.FIXED64, bytes: 8 }],
  ["BYTES", { field: 8, fieldName: "bytes_contents", wire: WIRE.LENGTH, bytes: 0 }],
]);

/**
 * The elements of an InferTensorContents as binary data (little-endian, as raw_input_contents has them). How many there must be is for whoever knows
 * the shape. `where` names the input; more than `bytesMax` is refused before memory is taken for it.
 * @throws BadTensor, BrokenMessage
 */
export function binaryOf(where: string, datatype: string, message: Buffer, bytesMax: number): Buffer {
  const how = CONTENTS.get(datatype);
  if (how === undefined) {
    const allowed = `${[...CONTENTS.keys()].join(", ")} with contents, FP16 as raw_input_contents`;
    throw new BadTensor(`${where} has datatype ${JSON.stringify(datatype)}; allowed: ${allowed}`);
  }
  const parts: Buffer[] = [];
  for (const reader = new MessageReader(message); reader.next(); ) {
    if (reader.field !== how.field) {
      throw new BadTensor(
        `${where} is ${datatype} and has field ${reader.field} of its contents; allowed: ${how.fieldName}`,
      );
    }
    if (how.wire === WIRE.LENGTH) {
      reader.is(how.field, WIRE.LENGTH);
      parts.push(...lengthAndBytes(reader.bytes()));
    } else if (reader.type === WIRE.LENGTH)
      parts.push(packed(where, datatype, how, reader.bytes(), bytesMax));
    else if (reader.type === how.wire) parts.push(single(where, datatype, how, reader));
    else throw new BrokenMessage(`field ${reader.field} has the wire type ${reader.type}`);
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}

function lengthAndBytes(bytes: Buffer): Buffer[] {
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32LE(bytes.length);
  return [length, bytes];
}

/** Floats are packed as they are in binary data; whole numbers are varints. */
function packed(where: string, datatype: string, how: Contents, bytes: Buffer, bytesMax: number): Buffer {
  if (how.wire !== WIRE.VARINT) {
    if (bytes.length % how.bytes !== 0) throw new BrokenMessage(`${how.fieldName} ends within an element`);
    return bytes;
  }
  // Only the last byte of a varint is below 128.
  let count = 0;
  for (const byte of bytes) if (byte < 0x80) count++;
  if (count * how.bytes > bytesMax) throw new BadTensor(`${where} is larger than ${bytesMax} bytes`);
  const out = Buffer.allocUnsafe(count * how.bytes);
  let at = 0;
  for (const reader = new MessageReader(bytes); !reader.isDone; at += how.bytes) {
    writeElement(where, datatype, how, reader, out, at);
  }
  return out;
}

function single(where: string, datatype: string, how: Contents, reader: MessageReader): Buffer {
  const out = Buffer.allocUnsafe(how.bytes);
  if (how.wire === WIRE.VARINT) writeElement(where, datatype, how, reader, out, 0);
  else if (how.wire === WIRE.FIXED32) out.set(reader.fixed(4));
  else out.set(reader.fixed(8));
  return out;
}

function writeElement(
  where: string,
  datatype: string,
  how: Contents,
  reader: MessageReader,
  out: Buffer,
  at: number,
): void {
  const value = reader.signed();
  const { min, max } = how;
  if (min === undefined || max === undefined) {
    out.writeUInt32LE(reader.low, at);
    out.writeUInt32LE(reader.high, at + 4);
    return;
  }
  if (value < min || value > max) {
    throw new BadTensor(`${where} has the element ${value}; allowed for ${datatype}: ${min} to ${max}`);
  }
  if (how.bytes === 1) out[at] = value;
  else if (how.bytes === 2) out.writeUInt16LE(value & 0xffff, at);
  else out.writeUInt32LE(value >>> 0, at);
}
