import type { ContentSink } from "./message-body.ts";

/** First allocation for a body whose length is not known; it doubles from there. */
const FIRST_BYTES = 4096;
/**
 * Beyond it the limit itself is allocated: what is not written of it takes no memory, while smaller buffers that were copied and left would lie beside it until
 * the next collection: 840 MB were seen resident for one body of 256 MB.
 */
const LEAP_BYTES = 16 * 1024 * 1024;

/**
 * A sink that gathers the content of one body, de-chunked, in one buffer. It refuses the body (BODY_REFUSED) when that
 * would pass `limitBytes`; a reader answers 413 then. Make one per message: the buffer it gives out is not used again.
 */
export class ContentCollector implements ContentSink {
  readonly #limitBytes: number;
  #bytes: Buffer;
  #length = 0;

  /** `expectedBytes` is the Content-Length, or -1; a known length is allocated once and exactly. */
  constructor(limitBytes: number, expectedBytes: number) {
    this.#limitBytes = limitBytes;
    const first = expectedBytes >= 0 ? Math.min(expectedBytes, limitBytes) : 0;
    this.#bytes = Buffer.allocUnsafe(first);
  }

  content(buf: Uint8Array, from: number, to: number): boolean {
    const length = this.#length + (to - from);
    if (length > this.#limitBytes) return false;
    if (length > this.#bytes.length) this.#grow(length);
    this.#bytes.set(buf.subarray(from, to), this.#length);
    this.#length = length;
    return true;
  }

  #grow(length: number): void {
    const doubled = Math.max(length, this.#bytes.length * 2, FIRST_BYTES);
    const bytes = Buffer.allocUnsafe(
      doubled > LEAP_BYTES ? this.#limitBytes : Math.min(doubled, this.#limitBytes),
    );
    bytes.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = bytes;
  }

  /** What was gathered; a view, not a copy. */
  take(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }
}
