import { giveBuffer, takeBuffer } from "./buffer-pool.ts";
import { bytesInFlight } from "./bytes-in-flight.ts";

const EMPTY = Buffer.alloc(0);

/** Bytes of a connection that could not be used yet: an unfinished head, or further requests. It has a buffer only while it holds some. */
export class Held {
  buffer: Buffer = EMPTY;
  length = 0;

  get isEmpty(): boolean {
    return this.length === 0;
  }

  /** Adds `buf[from..to)`. The owner bounds the sum: at most OUT_BYTES_MAX. */
  add(buf: Buffer, from: number, to: number): void {
    const length = this.length + to - from;
    if (length > this.buffer.length) {
      const larger = takeBuffer(length);
      this.buffer.copy(larger, 0, 0, this.length);
      if (this.buffer !== EMPTY) giveBuffer(this.buffer);
      this.buffer = larger;
    }
    buf.copy(this.buffer, this.length, from, to);
    bytesInFlight.sum += to - from;
    this.length = length;
  }

  /** Forgets what stands before `from`. */
  keepFrom(from: number): void {
    if (from === this.length) this.drop();
    else if (from > 0) {
      this.buffer.copyWithin(0, from, this.length);
      this.length -= from;
      bytesInFlight.sum -= from;
    }
  }

  /** Forgets everything, and gives the buffer back. */
  drop(): void {
    if (this.buffer !== EMPTY) giveBuffer(this.buffer);
    this.buffer = EMPTY;
    bytesInFlight.sum -= this.length;
    this.length = 0;
  }
}
