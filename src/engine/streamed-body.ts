import type { Socket } from "node:net";
import { PART_WINDOW_BYTES } from "./frames.ts";

/** Credit is given in steps of at least so many bytes: short parts cost no frames back. */
const CREDIT_BYTES_MIN = 64 * 1024;
/** A part up to this size is copied between its chunk's ends, for one write. */
const COPY_BYTES_MAX = 32 * 1024;
/** What was held back goes out in pieces of this size: each that the client takes shows that it is alive. */
const PIECE_BYTES = 32 * 1024;
/** Hex digits of a length of at most PART_WINDOW_BYTES, and two line ends. */
const CHUNK_ENDS_BYTES = 12;

const LAST_CHUNK = Buffer.from("0\r\n\r\n");
const LINE_END = Buffer.from("\r\n");
const NOTHING = Buffer.alloc(0);

/**
 * The body of an answer in parts on its way to a client, one after the other on one connection. Parts go out as they come. While the client is slow they
 * are gathered, within what its worker may send beyond its credit; credit is given for what the socket has taken.
 */
export class StreamedBody {
  readonly #socket: Socket;
  readonly #credit: (bytes: number) => void;
  #isChunked = true;
  /** `[#heldFrom, #heldTo)` of it waits for the client. */
  #held: Buffer = NOTHING;
  #heldFrom = 0;
  #heldTo = 0;
  /** Bytes that came and that no credit was given for yet. */
  #owed = 0;
  #hasMoved = false;

  /** `credit` is called with bytes that the client has taken. */
  constructor(socket: Socket, credit: (bytes: number) => void) {
    this.#socket = socket;
    this.#credit = credit;
  }

  /** A new one: its head, and what there is of the body. */
  begin(head: Buffer, isChunked: boolean, buf: Buffer, from: number, to: number): void {
    this.#isChunked = isChunked;
    this.#held = NOTHING;
    this.#heldFrom = this.#heldTo = this.#owed = 0;
    this.#socket.cork();
    this.#socket.write(head);
    this.part(buf, from, to);
    this.#socket.uncork();
  }

  part(buf: Buffer, from: number, to: number): void {
    if (from === to) return; // a chunk without bytes would be the last one
    this.#hasMoved = true;
    this.#owed += to - from;
    if (this.#heldTo === 0 && !this.#socket.writableNeedDrain) {
      if (this.#write(buf, from, to)) this.#giveCredit();
      return;
    }
    if (this.#held.length === 0) this.#held = Buffer.allocUnsafeSlow(PART_WINDOW_BYTES);
    if (this.#held.length - this.#heldTo < to - from) {
      this.#held.copyWithin(0, this.#heldFrom, this.#heldTo);
      this.#heldTo -= this.#heldFrom;
      this.#heldFrom = 0;
    }
    this.#heldTo += buf.copy(this.#held, this.#heldTo, from, to);
  }

  /** The client has taken what was written. */
  drained(): void {
    this.#hasMoved = true;
    const to = Math.min(this.#heldTo, this.#heldFrom + PIECE_BYTES);
    const from = this.#heldFrom;
    this.#heldFrom = to;
    if (to === this.#heldTo) this.#heldFrom = this.#heldTo = 0;
    // Copied: the room is used again before the socket has taken it.
    const isTaken = from === to || this.#write(Buffer.from(this.#held.subarray(from, to)), 0, to - from);
    if (isTaken && this.#heldTo > 0) this.drained();
    else if (this.#heldTo - this.#heldFrom < this.#owed) this.#giveCredit();
  }

  /** All parts have come. False when the client has not taken them yet. */
  end(): boolean {
    if (this.#heldTo > 0) this.#write(this.#held, this.#heldFrom, this.#heldTo);
    this.#held = NOTHING;
    this.#heldFrom = this.#heldTo = 0;
    return this.#isChunked ? this.#socket.write(LAST_CHUNK) : !this.#socket.writableNeedDrain;
  }

  /** Whether a part came, or the client took bytes, since it was asked last. */
  hasMoved(): boolean {
    const hasMoved = this.#hasMoved;
    this.#hasMoved = false;
    return hasMoved;
  }

  /** For all that came but is not held back. */
  #giveCredit(): void {
    const bytes = this.#owed - (this.#heldTo - this.#heldFrom);
    if (bytes < CREDIT_BYTES_MIN) return;
    this.#owed -= bytes;
    this.#credit(bytes);
  }

  /** False when the socket wants no more for now. */
  #write(buf: Buffer, from: number, to: number): boolean {
    if (!this.#isChunked) return this.#socket.write(buf.subarray(from, to));
    const size = to - from;
    const front = `${size.toString(16)}\r\n`;
    if (size > COPY_BYTES_MAX) {
      this.#socket.cork();
      this.#socket.write(front, "latin1");
      this.#socket.write(buf.subarray(from, to));
      const isTaken = this.#socket.write(LINE_END);
      this.#socket.uncork();
      return isTaken;
    }
    const chunk = Buffer.allocUnsafe(size + CHUNK_ENDS_BYTES);
    let at = chunk.write(front, 0, "latin1");
    at += buf.copy(chunk, at, from, to);
    at += LINE_END.copy(chunk, at);
    return this.#socket.write(chunk.subarray(0, at));
  }
}
