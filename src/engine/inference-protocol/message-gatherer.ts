import { gunzip, inflate } from "node:zlib";
import { GRPC } from "../../core/grpc.ts";
import type { Refusal } from "./translation.ts";

/** Flag and length before a message (PROTOCOL-HTTP2.md of grpc/grpc, "Length-Prefixed-Message"). */
const PREFIX_BYTES = 5;

const tooLarge = (bytesMax: number): Refusal => ({
  status: GRPC.RESOURCE_EXHAUSTED,
  text: `the message is larger than ${bytesMax} bytes`,
});
const broken = (text: string): Refusal => ({ status: GRPC.INVALID_ARGUMENT, text });

/** Gathers the one message of a call, however its bytes come. Memory is taken when its length is known to be allowed. */
export class MessageGatherer {
  readonly #encoding: string;
  readonly #bytesMax: number;
  readonly #hold: (bytes: number) => boolean;
  #prefix = Buffer.alloc(0);
  #message: Buffer | null = null;
  #bytes = 0;

  /** `encoding`: that of the call (`grpc-encoding`); `hold` takes bytes from what all messages may have, or says that it is used up. */
  constructor(encoding: string, bytesMax: number, hold: (bytes: number) => boolean) {
    this.#encoding = encoding;
    this.#bytesMax = bytesMax;
    this.#hold = hold;
  }

  /** Takes the next bytes; not null: why the call is refused. */
  push(chunk: Buffer): Refusal | null {
    let rest = chunk;
    if (this.#message === null) {
      const all = this.#prefix.length === 0 ? chunk : Buffer.concat([this.#prefix, chunk]);
      if (all.length < PREFIX_BYTES) {
        this.#prefix = Buffer.from(all);
        return null;
      }
      const refusal = this.#begin(all);
      if (refusal !== null) return refusal;
      rest = all.subarray(PREFIX_BYTES);
    }
    const message = this.#message!;
    if (this.#bytes + rest.length > message.length)
      return { status: GRPC.UNIMPLEMENTED, text: "the call has more than one message; allowed: one" };
    message.set(rest, this.#bytes);
    this.#bytes += rest.length;
    return null;
  }

  #begin(all: Buffer): Refusal | null {
    this.#prefix = Buffer.from(all.subarray(0, PREFIX_BYTES));
    const length = this.#prefix.readUInt32BE(1);
    if (length > this.#bytesMax) return tooLarge(this.#bytesMax);
    if (!this.#hold(length)) {
      return {
        status: GRPC.RESOURCE_EXHAUSTED,
        text: "the bodies of waiting requests use up their allowance",
      };
    }
    this.#message = Buffer.allocUnsafe(length);
    return null;
  }

  /** The client has sent all: gives the message, decompressed, or why there is none; at once, or later when it is compressed. */
  finish(done: (message: Buffer | Refusal) => void): void {
    const message = this.#message;
    if (message === null || this.#bytes < message.length) {
      done(broken("the call ends before its message does"));
      return;
    }
    const flag = this.#prefix[0]!;
    if (flag === 0) {
      done(message);
      return;
    }
    if (flag !== 1 || this.#encoding === "identity") {
      done(broken("the message is said to be compressed, and not how"));
      return;
    }
    const undo = this.#encoding === "gzip" ? gunzip : this.#encoding === "deflate" ? inflate : null;
    if (undo === null) {
      const text = `grpc-encoding is ${JSON.stringify(this.#encoding.slice(0, 40))}; allowed: identity, gzip, deflate`;
      done({ status: GRPC.UNIMPLEMENTED, text });
      return;
    }
    undo(message, { maxOutputLength: this.#bytesMax }, (error, plain) => {
      if (error === null) done(this.#hold(plain.length) ? plain : tooLarge(this.#bytesMax));
      else if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE")
        done(tooLarge(this.#bytesMax));
      else done(broken(`the message is not ${this.#encoding}: ${error.message}`));
    });
  }
}

/** What stands before a message that is not compressed: a flag, and its length (gRPC over HTTP/2). */
export function prefixOf(bytes: number): Buffer {
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(bytes, 1);
  return prefix;
}
