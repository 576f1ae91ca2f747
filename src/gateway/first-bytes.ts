import { FIELD_STRIDE, type MessageHead } from "../http1/message-head.ts";
import { giveBuffer, takeBuffer } from "./buffer-pool.ts";
import { ADDED_BYTES_MAX, type RequestAdditions, writeRequest } from "./head-rewrite.ts";

/**
 * What an instance was sent of a request so far, as long as that fits one buffer: the rewritten head, and the body that was
 * at hand or followed soon. It is what a second try sends again.
 */
export class FirstBytes {
  buffer: Buffer | null = null;
  length = 0;
  /** The kernel has all of it: nothing points into the buffer any more. */
  isTaken = false;

  /** Takes a buffer and writes the request into it: the head of `buf[from..bodyFrom)` as it leaves, and the body up to `to`. */
  write(
    head: MessageHead,
    buf: Buffer,
    from: number,
    bodyFrom: number,
    to: number,
    restFrom: number,
    added: RequestAdditions,
  ): void {
    const host = head.hostAt * FIELD_STRIDE;
    // Host is sent a second time, as X-Forwarded-Host.
    const hostBytes = head.hostAt === -1 ? 0 : head.fields[host + 3]! - head.fields[host + 2]!;
    const buffer = takeBuffer(to - from + hostBytes + ADDED_BYTES_MAX);
    const bodyAt = writeRequest(buffer, head, buf, restFrom, added);
    this.buffer = buffer;
    this.length = bodyAt + buf.copy(buffer, bodyAt, bodyFrom, to);
    this.isTaken = false;
  }

  /** `bytes` more can be held. */
  hasRoom(bytes: number): boolean {
    return this.buffer !== null && this.length + bytes <= this.buffer.length;
  }

  /** Adds `buf[from..to)` and returns where it stands. */
  add(buf: Buffer, from: number, to: number): number {
    const at = this.length;
    this.length += buf.copy(this.buffer!, at, from, to);
    return at;
  }

  /** From now on it cannot be sent again. A buffer that a write still points into is left to the collector. */
  drop(): void {
    if (this.buffer !== null && this.isTaken) giveBuffer(this.buffer);
    this.buffer = null;
  }
}
