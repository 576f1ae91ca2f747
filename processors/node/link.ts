import { connect, type Socket } from "node:net";
import { FRAME, FrameReader, HEADER_BYTES, type TakeFrame, writeHeader } from "./frames.ts";

/** Frames of one turn are gathered in pieces of this size. */
const GATHER_BYTES = 64 * 1024;
/** A body above this is written from where it is, not copied. */
const COPY_BYTES_MAX = 32 * 1024;
const READ_BYTES = 64 * 1024;
const NOTHING = Buffer.alloc(0);

/** The connection to the engine. */
export class Link {
  readonly #socket: Socket;
  /** `[#sent, #filled)` waits for the end of the turn. A full buffer is left to the garbage collector: a write may still use it. */
  #buffer = Buffer.allocUnsafeSlow(GATHER_BYTES);
  #sent = 0;
  #filled = 0;
  #isFlushDue = false;
  /** A read is being worked on: what is answered at once goes out at its end. */
  #isReading = false;
  readonly #flushDue = () => {
    this.#isFlushDue = false;
    this.flush();
  };

  /** @param gone called when the connection ends */
  constructor(path: string, take: TakeFrame, gone: () => void) {
    const reader = new FrameReader(take);
    // One buffer for all reads: what is kept of it is copied.
    const onread = {
      buffer: Buffer.allocUnsafeSlow(READ_BYTES),
      callback: (bytes: number, buffer: Uint8Array) => {
        this.#isReading = true;
        try {
          reader.push((buffer as Buffer).subarray(0, bytes));
        } catch (error) {
          console.error((error as Error).message);
          gone();
        }
        this.#isReading = false;
        this.flush();
        return true;
      },
    };
    this.#socket = connect({ path, onread });
    this.#socket.on("error", gone);
    this.#socket.on("end", gone);
    this.#socket.on("close", gone);
  }

  /** One frame with a payload in two pieces. Short ones are copied before this returns; a long body must not change until it is written. */
  send(type: number, id: number, front: Buffer | null, body: Uint8Array): void {
    const frontBytes = front === null ? 0 : front.length;
    const bodyBytes = body.length;
    const isCopied = bodyBytes <= COPY_BYTES_MAX;
    this.#makeRoom(HEADER_BYTES + frontBytes + (isCopied ? bodyBytes : 0));
    let at = writeHeader(this.#buffer, this.#filled, type, id, frontBytes + bodyBytes);
    if (front !== null) at += front.copy(this.#buffer, at);
    this.#end(at, body, isCopied);
  }

  /** A RESPONSE; `head` is `name: value` lines, each ended by `\n`, latin1. */
  respond(id: number, status: number, head: string, body: Uint8Array): void {
    const bodyBytes = body.length;
    const isCopied = bodyBytes <= COPY_BYTES_MAX;
    const frontBytes = 6 + head.length;
    this.#makeRoom(HEADER_BYTES + frontBytes + (isCopied ? bodyBytes : 0));
    let at = writeHeader(this.#buffer, this.#filled, FRAME.RESPONSE, id, frontBytes + bodyBytes);
    at = this.#buffer.writeUInt16LE(status, at);
    at = this.#buffer.writeUInt32LE(head.length, at);
    if (head !== "") at += this.#buffer.write(head, at, "latin1");
    this.#end(at, body, isCopied);
  }

  /** An ERROR; `message` is what the client gets. */
  refuse(id: number, status: number, message: string): void {
    const front = Buffer.allocUnsafe(2);
    front.writeUInt16LE(status);
    this.send(FRAME.ERROR, id, front, Buffer.from(message));
  }

  /** A frame with a text, or nothing. */
  tell(type: number, id: number, text: string): void {
    this.send(type, id, null, text === "" ? NOTHING : Buffer.from(text));
  }

  #end(at: number, body: Uint8Array, isCopied: boolean): void {
    if (isCopied) {
      this.#buffer.set(body, at);
      this.#filled = at + body.length;
    } else {
      this.#filled = at;
      this.flush();
      this.#socket.write(body);
    }
    if (this.#isReading || this.#isFlushDue || this.#filled === this.#sent) return;
    this.#isFlushDue = true;
    queueMicrotask(this.#flushDue);
  }

  #makeRoom(bytes: number): void {
    if (this.#buffer.length - this.#filled >= bytes) return;
    this.flush();
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(GATHER_BYTES, bytes));
    this.#sent = 0;
    this.#filled = 0;
  }

  /** Writes what was gathered, now. */
  flush(): void {
    if (this.#filled === this.#sent) return;
    const gathered = this.#buffer.subarray(this.#sent, this.#filled);
    this.#sent = this.#filled;
    this.#socket.write(gathered);
  }

  /** Sends what is left, then calls `then`. */
  finish(then: () => void): void {
    this.flush();
    this.#socket.write(NOTHING, () => then());
  }
}
