import type { Socket } from "node:net";
import type { Payload } from "./exchange.ts";
import {
  BATCH_FRONT_BYTES,
  BATCH_ROW_BYTES,
  DEADLINE_BYTES,
  FRAME,
  FRAME_HEADER_BYTES,
  writeFrameHeader,
} from "./frames.ts";

/** Frames of one turn are gathered in pieces of this size. */
const GATHER_BYTES = 64 * 1024;
/** A body above this is written from where it is, not copied. */
const COPY_BYTES_MAX = 32 * 1024;

const rowBytes = ({ frontBytes, from, to }: Payload) => frontBytes + to - from;

/** Sends frames to one worker; those of one turn of the loop go out in one write. */
export class FrameWriter {
  readonly #socket: Socket;
  /** `[#sent, #filled)` waits for the end of the turn. A full buffer is left to the garbage collector: a write may still use it. */
  #buffer = Buffer.allocUnsafeSlow(GATHER_BYTES);
  #sent = 0;
  #filled = 0;
  #isFlushDue = false;
  readonly #flushDue = () => {
    this.#isFlushDue = false;
    this.flush();
  };

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /**
   * One frame. Short payloads are copied before this returns; a long body must not change until it is written. `deadlineS` (seconds of
   * CLOCK_MONOTONIC) makes a REQUEST a TIMED_REQUEST; NaN: there is none.
   */
  write(id: number, payload: Payload, deadlineS = Number.NaN): void {
    const { front, frontBytes, body, from, to } = payload;
    const bodyBytes = to - from;
    const isCopied = bodyBytes <= COPY_BYTES_MAX;
    const room = FRAME_HEADER_BYTES + DEADLINE_BYTES + frontBytes + (isCopied ? bodyBytes : 0);
    if (this.#buffer.length - this.#filled < room) this.#renew(room);
    let at: number;
    if (deadlineS > 0 && payload.type === FRAME.REQUEST) {
      const bytes = DEADLINE_BYTES + frontBytes + bodyBytes;
      at = writeFrameHeader(this.#buffer, this.#filled, FRAME.TIMED_REQUEST, id, bytes);
      at = this.#buffer.writeDoubleLE(deadlineS, at);
    } else {
      at = writeFrameHeader(this.#buffer, this.#filled, payload.type, id, frontBytes + bodyBytes);
    }
    front.copy(this.#buffer, at, 0, frontBytes);
    at += frontBytes;
    if (isCopied) {
      body.copy(this.#buffer, at, from, to);
      this.#filled = at + bodyBytes;
    } else {
      this.#filled = at;
      this.flush();
      this.#socket.write(body.subarray(from, to));
    }
    if (this.#isFlushDue || this.#filled === this.#sent) return;
    this.#isFlushDue = true;
    setImmediate(this.#flushDue);
  }

  /** The requests of one batch, as one frame; it goes out before this returns. `leftMs` says how long each may still take. */
  writeBatch(
    rows: readonly { readonly id: number; readonly leftMs: number; readonly payload: Payload }[],
  ): void {
    let total = BATCH_FRONT_BYTES;
    for (const { payload } of rows) total += BATCH_ROW_BYTES + rowBytes(payload);
    this.#makeRoom(FRAME_HEADER_BYTES + BATCH_FRONT_BYTES);
    this.#filled = writeFrameHeader(this.#buffer, this.#filled, FRAME.BATCH, 0, total);
    this.#filled = this.#buffer.writeUInt16LE(rows.length, this.#filled);
    for (const { id, leftMs, payload } of rows) {
      const { front, frontBytes, body, from, to } = payload;
      const isCopied = to - from <= COPY_BYTES_MAX;
      this.#makeRoom(BATCH_ROW_BYTES + frontBytes + (isCopied ? to - from : 0));
      let at = this.#buffer.writeUInt32LE(id, this.#filled);
      at = this.#buffer.writeUInt32LE(leftMs, at);
      at = this.#buffer.writeUInt32LE(rowBytes(payload), at);
      at += front.copy(this.#buffer, at, 0, frontBytes);
      if (isCopied) {
        this.#filled = at + body.copy(this.#buffer, at, from, to);
      } else {
        this.#filled = at;
        this.flush();
        this.#socket.write(body.subarray(from, to));
      }
    }
    this.flush();
  }

  #makeRoom(bytes: number): void {
    if (this.#buffer.length - this.#filled < bytes) this.#renew(bytes);
  }

  #renew(room: number): void {
    this.flush();
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(GATHER_BYTES, room));
    this.#sent = 0;
    this.#filled = 0;
  }

  /** Writes what was gathered, now. */
  flush(): void {
    if (this.#filled === this.#sent) return;
    const gathered = this.#buffer.subarray(this.#sent, this.#filled);
    this.#sent = this.#filled;
    if (!this.#socket.destroyed) this.#socket.write(gathered);
  }
}
