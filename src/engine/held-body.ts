import { ContentCollector } from "../http1/content-collector.ts";
import { BODY_REFUSED, type ContentSink, MessageBody } from "../http1/message-body.ts";
import type { MessageHead } from "../http1/message-head.ts";

/** The bytes that all bodies of an engine may take together. */
export class BodyAllowance {
  readonly #bytesMax: number;
  #held = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Takes `bytes`; false when so many are not left. */
  hold(bytes: number): boolean {
    if (this.#held + bytes > this.#bytesMax) return false;
    this.#held += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#held -= bytes;
  }
}

/** The body of one request after the other, gathered within the allowance; for bodies that do not come in one piece with their head. */
export class HeldBody implements ContentSink {
  readonly #allowance: BodyAllowance;
  readonly #framing = new MessageBody();
  #collector: ContentCollector | null = null;
  #heldBytes = 0;
  /** The length was known, and taken from the allowance at once. */
  #isHeldWhole = false;
  #isUsedUp = false;

  constructor(allowance: BodyAllowance) {
    this.#allowance = allowance;
    this.#framing.sink = this;
  }

  /** Begins with the body of `head`. False when the allowance has no room for its length. */
  start(head: MessageHead, bytesMax: number): boolean {
    const length = head.isChunked ? -1 : head.contentLength;
    this.#isHeldWhole = length >= 0;
    if (this.#isHeldWhole && !this.#hold(length)) return false;
    this.#collector = new ContentCollector(bytesMax, length);
    this.#framing.startRequest(head);
    return true;
  }

  /** See MessageBody.advance. */
  advance(buf: Buffer, from: number, to: number): number {
    return this.#framing.advance(buf, from, to);
  }

  /** What a result of `advance` below zero, other than BODY_MORE, means for the client. */
  refusal(result: number): "BAD_REQUEST" | "QUEUE_FULL" | "BODY_TOO_LARGE" {
    if (result !== BODY_REFUSED) return "BAD_REQUEST";
    return this.#isUsedUp ? "QUEUE_FULL" : "BODY_TOO_LARGE";
  }

  /** The whole body; its bytes stay taken from the allowance until `release`. */
  take(): Buffer {
    const body = this.#collector!.take();
    this.#collector = null;
    return body;
  }

  /** The request is over. */
  release(): void {
    if (this.#heldBytes > 0) this.#allowance.giveBack(this.#heldBytes);
    this.#heldBytes = 0;
    this.#isUsedUp = false;
    this.#collector = null;
  }

  content(buf: Uint8Array, from: number, to: number): boolean {
    if (!this.#isHeldWhole && !this.#hold(to - from)) {
      this.#isUsedUp = true;
      return false;
    }
    return this.#collector!.content(buf, from, to);
  }

  #hold(bytes: number): boolean {
    if (!this.#allowance.hold(bytes)) return false;
    this.#heldBytes += bytes;
    return true;
  }
}
