/** The framed protocol between the engine and this worker: docs/internals/protocols.md. All numbers are little-endian. */

export const PROTOCOL = 1;

export const FRAME = {
  INIT: 0x01,
  REQUEST: 0x02,
  CANCEL: 0x03,
  DESCRIBE: 0x04,
  SHUTDOWN: 0x05,
  BATCH: 0x06,
  CREDIT: 0x07,
  TIMED_REQUEST: 0x09,
  READY: 0x81,
  FAILED: 0x82,
  RESPONSE: 0x83,
  ERROR: 0x84,
  PROGRESS: 0x85,
  PART: 0x86,
  END: 0x87,
} as const;

/** A longer frame means that the peer is broken. */
export const FRAME_BYTES_MAX = 256 * 1024 * 1024;
/** In the status of a RESPONSE: the body goes on in PART frames. */
export const GOES_ON = 0x8000;
/** Bytes of an answer in parts that may be sent before CREDIT gives some back. */
export const PART_WINDOW_BYTES = 256 * 1024;

const HEADER_BYTES = 9;

/** `buf[from..to)` is the payload; it is good only during the call, but for a frame that is `isKept`. */
export type TakeFrame = (
  type: number,
  id: number,
  buf: Buffer,
  from: number,
  to: number,
  isKept: boolean,
) => void;

/** Cuts a stream into frames, however its bytes arrive. Throws when the peer broke the protocol. */
export class FrameReader {
  readonly #take: TakeFrame;
  /** Start of a frame whose header is not complete, or null. */
  #rest: Buffer | null = null;
  /** Payload of a frame that did not come in one piece, or null; `#longBytes` of it are there. */
  #long: Buffer | null = null;
  #longType = 0;
  #longId = 0;
  #longBytes = 0;

  constructor(take: TakeFrame) {
    this.#take = take;
  }

  push(chunk: Buffer): void {
    let buf = chunk;
    let at = 0;
    if (this.#long !== null) {
      const long = this.#long;
      at = Math.min(long.length - this.#longBytes, buf.length);
      buf.copy(long, this.#longBytes, 0, at);
      this.#longBytes += at;
      if (this.#longBytes < long.length) return;
      this.#long = null;
      this.#take(this.#longType, this.#longId, long, 0, long.length, true);
    } else if (this.#rest !== null) {
      buf = Buffer.concat([this.#rest, chunk]);
      this.#rest = null;
    }
    while (buf.length - at >= HEADER_BYTES) {
      const length = buf.readUInt32LE(at);
      if (length < 5 || length > FRAME_BYTES_MAX) {
        throw new Error(`the engine sent a frame of ${length} bytes; allowed: 5 to ${FRAME_BYTES_MAX}`);
      }
      const type = buf[at + 4]!;
      const id = buf.readUInt32LE(at + 5);
      const from = at + HEADER_BYTES;
      at += 4 + length;
      if (at > buf.length) {
        this.#long = Buffer.allocUnsafeSlow(length - 5);
        this.#longBytes = buf.copy(this.#long, 0, from);
        this.#longType = type;
        this.#longId = id;
        return;
      }
      this.#take(type, id, buf, from, at, false);
    }
    if (at < buf.length) this.#rest = Buffer.from(buf.subarray(at));
  }
}

/** Writes the nine bytes before a payload; gives the index behind them. */
export function writeHeader(out: Buffer, at: number, type: number, id: number, payloadBytes: number): number {
  out.writeUInt32LE(payloadBytes + 5, at);
  out[at + 4] = type;
  return out.writeUInt32LE(id, at + 5);
}

export { HEADER_BYTES };
