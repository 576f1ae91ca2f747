/** The framed protocol between engine and processor worker: docs/internals/protocols.md. All numbers are little-endian. */

export const WORKER_PROTOCOL = 1;

export const FRAME = {
  INIT: 0x01,
  REQUEST: 0x02,
  CANCEL: 0x03,
  DESCRIBE: 0x04,
  SHUTDOWN: 0x05,
  BATCH: 0x06,
  CREDIT: 0x07,
  TIMED_REQUEST: 0x09,
  FORK: 0x0a,
  READY: 0x81,
  FAILED: 0x82,
  RESPONSE: 0x83,
  ERROR: 0x84,
  PROGRESS: 0x85,
  PART: 0x86,
  END: 0x87,
  LOADED: 0x8a,
  FORKED: 0x8b,
  EXITED: 0x8c,
} as const;

/** u32 length, u8 type, u32 id. */
export const FRAME_HEADER_BYTES = 9;
/** Number of requests, before those of a BATCH. */
export const BATCH_FRONT_BYTES = 2;
/** Id, ms left and length, before each of them. */
export const BATCH_ROW_BYTES = 12;
/** Longest frame after its length field; a longer one means that the peer is broken. */
export const FRAME_BYTES_MAX = 256 * 1024 * 1024;
/** Status and head length, before the head of a RESPONSE. */
export const RESPONSE_FRONT_BYTES = 6;
/** Bit of the status of a RESPONSE: its body goes on in PART frames. */
export const MORE_PARTS = 0x8000;
/** Bytes of one answer in parts that a worker may have sent beyond what it was given credit for. */
export const PART_WINDOW_BYTES = 256 * 1024;
/** The deadline in front of a TIMED_REQUEST. */
export const DEADLINE_BYTES = 8;
/** What every worker is offered in INIT. */
export const FEATURES = ["parts", "deadline", "fork"] as const;

/** Takes frames; `buf[from..to)` is the payload. It may be kept: no buffer is used twice. */
export interface FrameSink {
  frame(type: number, id: number, buf: Buffer, from: number, to: number): void;
}

/** Writes the nine bytes before a payload. */
export function writeFrameHeader(
  out: Buffer,
  at: number,
  type: number,
  id: number,
  payloadBytes: number,
): number {
  out.writeUInt32LE(payloadBytes + 5, at);
  out[at + 4] = type;
  out.writeUInt32LE(id, at + 5);
  return at + FRAME_HEADER_BYTES;
}

/** One frame on its own. */
export function encodeFrame(type: number, id: number, payload: Buffer): Buffer {
  const out = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payload.length);
  out.set(payload, writeFrameHeader(out, 0, type, id, payload.length));
  return out;
}

/** Cuts a stream into frames, however its bytes arrive. */
export class FrameReader {
  readonly #sink: FrameSink;
  /** Start of a frame whose header is not complete, or null. */
  #rest: Buffer | null = null;
  /** A long frame being gathered: header, payload so far, and bytes of it that are there. */
  #long: Buffer | null = null;
  #longType = 0;
  #longId = 0;
  #longBytes = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Takes the next bytes. False when the peer broke the protocol: nothing after it can be understood. */
  push(chunk: Buffer): boolean {
    let buf = chunk;
    let at = 0;
    if (this.#long !== null) {
      at = this.#gather(this.#long, buf);
      if (at < 0) return true;
    } else if (this.#rest !== null) {
      buf = Buffer.concat([this.#rest, chunk]);
      this.#rest = null;
    }
    const to = buf.length;
    while (to - at >= FRAME_HEADER_BYTES) {
      const length = buf.readUInt32LE(at);
      if (length < 5 || length > FRAME_BYTES_MAX) return false;
      const type = buf[at + 4]!;
      const id = buf.readUInt32LE(at + 5);
      const from = at + FRAME_HEADER_BYTES;
      at += 4 + length;
      if (at > to) {
        this.#long = Buffer.allocUnsafe(length - 5);
        this.#long.set(buf.subarray(from, to));
        this.#longBytes = to - from;
        this.#longType = type;
        this.#longId = id;
        return true;
      }
      this.#sink.frame(type, id, buf, from, at);
    }
    if (at < to) this.#rest = Buffer.from(buf.subarray(at, to));
    return true;
  }

  /** Goes on with the long frame; index of the first byte after it, or -1 when it is not complete. */
  #gather(long: Buffer, buf: Buffer): number {
    const taken = Math.min(long.length - this.#longBytes, buf.length);
    long.set(taken === buf.length ? buf : buf.subarray(0, taken), this.#longBytes);
    this.#longBytes += taken;
    if (this.#longBytes < long.length) return -1;
    this.#long = null;
    this.#sink.frame(this.#longType, this.#longId, long, 0, long.length);
    return taken;
  }
}
