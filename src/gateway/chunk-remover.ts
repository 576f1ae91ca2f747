import type { ContentSink } from "../http1/message-body.ts";

/** A sink that lines up the content of a body in a buffer, without its chunks. The content is never longer than the body. */
export class ChunkRemover implements ContentSink {
  #out: Buffer | null = null;
  #at = 0;

  /** From now on content goes to `out`, from `at` on. */
  writeTo(out: Buffer, at: number): void {
    this.#out = out;
    this.#at = at;
  }

  content(buf: Uint8Array, from: number, to: number): boolean {
    this.#out!.set(buf.subarray(from, to), this.#at);
    this.#at += to - from;
    return true;
  }

  /** Where the content ends. The buffer is let go of. */
  take(): number {
    this.#out = null;
    return this.#at;
  }
}
