/**
 * The wire format of protocol buffers (protobuf.dev, "Encoding"): as much as the messages of the Open Inference Protocol need. Strings, bytes and messages are
 * parts of the buffer read, never copies.
 */

export const WIRE = { VARINT: 0, FIXED64: 1, LENGTH: 2, FIXED32: 5 } as const;

/** The bytes are no message. */
export class BrokenMessage extends Error {
  override readonly name = "BrokenMessage";
}

/** Reads the fields of one message, in the order in which they come. */
export class MessageReader {
  /** Number and wire type of the field that `next` found. */
  field = 0;
  type = 0;
  /** Halves of the last varint. */
  low = 0;
  high = 0;
  readonly #buf: Buffer;
  #at = 0;

  constructor(buf: Buffer) {
    this.#buf = buf;
  }

  get isDone(): boolean {
    return this.#at === this.#buf.length;
  }

  /** Goes to the next field; false at the end. Its value must be read, or skipped. */
  next(): boolean {
    if (this.isDone) return false;
    this.varint();
    this.field = this.low >>> 3;
    this.type = this.low & 7;
    if (this.high !== 0 || this.field === 0) throw new BrokenMessage("a field has no number");
    return true;
  }

  /** A varint, as an unsigned number; above 2^53 it is rounded, and `low` and `high` are exact. */
  varint(): number {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#at >= this.#buf.length) throw new BrokenMessage("it ends within a number");
      const byte = this.#buf[this.#at++]!;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high |= bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 0x80) {
        this.low = low >>> 0;
        this.high = high >>> 0;
        return this.high * 0x100000000 + this.low;
      }
    }
    throw new BrokenMessage("a number has more than ten bytes");
  }

  /** A varint as an int64. */
  signed(): number {
    this.varint();
    return (this.high | 0) * 0x100000000 + this.low;
  }

  double(): number {
    return this.fixed(8).readDoubleLE(0);
  }

  /** A field of 4 or 8 bytes. */
  fixed(bytes: 4 | 8): Buffer {
    return this.#take(bytes);
  }

  bytes(): Buffer {
    const length = this.varint();
    return this.#take(length);
  }

  text(): string {
    return this.bytes().toString("utf8");
  }

  skip(): void {
    switch (this.type) {
      case WIRE.VARINT:
        this.varint();
        return;
      case WIRE.FIXED64:
        this.#take(8);
        return;
      case WIRE.LENGTH:
        this.bytes();
        return;
      case WIRE.FIXED32:
        this.#take(4);
        return;
    }
    throw new BrokenMessage(`field ${this.field} has the wire type ${this.type}`);
  }

  /** True when the field is `field` of this wire type; throws when it is another type: then the message is of another kind. */
  is(field: number, type: number): boolean {
    if (this.field !== field) return false;
    if (this.type !== type) throw new BrokenMessage(`field ${field} has the wire type ${this.type}`);
    return true;
  }

  #take(length: number): Buffer {
    const to = this.#at + length;
    if (to > this.#buf.length) throw new BrokenMessage("it ends within a field");
    const part = this.#buf.subarray(this.#at, to);
    this.#at = to;
    return part;
  }
}

/** Writes one message; values as proto3 has them are left out by whoever calls. */
export class MessageWriter {
  readonly #parts: Buffer[] = [];
  #bytes = 0;

  /** Bytes written so far. */
  get length(): number {
    return this.#bytes;
  }

  bytes(field: number, value: Buffer): this {
    this.#add(varint(field * 8 + WIRE.LENGTH));
    this.#add(varint(value.length));
    this.#add(value);
    return this;
  }

  text(field: number, value: string): this {
    return value === "" ? this : this.bytes(field, Buffer.from(value, "utf8"));
  }

  message(field: number, value: MessageWriter): this {
    return this.bytes(field, value.done());
  }

  flag(field: number, value: boolean): this {
    if (value) {
      this.#add(varint(field * 8 + WIRE.VARINT));
      this.#add(varint(1));
    }
    return this;
  }

  /** Whole numbers of either sign, packed. */
  numbers(field: number, values: readonly number[]): this {
    return values.length === 0 ? this : this.bytes(field, Buffer.concat(values.map(varint)));
  }

  done(): Buffer {
    return Buffer.concat(this.#parts, this.#bytes);
  }

  #add(part: Buffer): void {
    this.#parts.push(part);
    this.#bytes += part.length;
  }
}

/** A whole number as a varint; below 0 as int64 has it. */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}
