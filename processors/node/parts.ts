import { BadAnswer, type Sendable, TEXT } from "./answers.ts";
import { FRAME, GOES_ON, PART_WINDOW_BYTES } from "./frames.ts";
import type { Link } from "./link.ts";
import type { Parts } from "./processor.d.ts";

const NOTHING = new Uint8Array(0);

/** One answer that goes out piece by piece, as its iterable gives them and as the engine gives credit. */
export class PartedAnswer {
  readonly #id: number;
  readonly #link: Link;
  readonly #isCancelled: () => boolean;
  #room = PART_WINDOW_BYTES;
  #begun = false;
  #wake: (() => void) | null = null;

  constructor(id: number, link: Link, isCancelled: () => boolean) {
    this.#id = id;
    this.#link = link;
    this.#isCancelled = isCancelled;
  }

  /** RESPONSE or a PART has been sent: an error can only cut the answer off. */
  get hasBegun(): boolean {
    return this.#begun;
  }

  credit(bytes: number): void {
    this.#room += bytes;
    this.wake();
  }

  /** Looks again whether there is room, or nobody waits any more. */
  wake(): void {
    this.#wake?.();
    this.#wake = null;
  }

  /** Sends all of it. Rejects with what the iterable throws; the caller sends the END, or the ERROR, of that. */
  async send({ status, head, body }: Sendable): Promise<void> {
    for await (const piece of body as Parts) {
      if (typeof piece !== "string" && !(piece instanceof Uint8Array)) {
        throw new BadAnswer(`process gave a part that is ${typeof piece}; allowed: strings and bytes`);
      }
      const bytes = typeof piece === "string" ? Buffer.from(piece) : piece;
      if (!this.#begun) {
        const isTyped = /^content-type: /im.test(head);
        this.#begin(status, isTyped || typeof piece !== "string" ? head : TEXT + head);
      }
      if (!(await this.#sendPiece(bytes))) return;
    }
    // Also of one that was cancelled before: each request has an answer.
    if (!this.#begun) this.#begin(status, head);
  }

  #begin(status: number, head: string): void {
    this.#begun = true;
    this.#link.respond(this.#id, status | GOES_ON, head, NOTHING);
  }

  /** False when nobody takes it any more. */
  async #sendPiece(bytes: Uint8Array): Promise<boolean> {
    let at = 0;
    while (!this.#isCancelled()) {
      const fits = Math.min(bytes.length - at, this.#room);
      // Copied: the user may fill the same buffer again before it is written.
      if (fits > 0)
        this.#link.send(FRAME.PART, this.#id, null, Uint8Array.prototype.slice.call(bytes, at, at + fits));
      this.#room -= fits;
      at += fits;
      if (at === bytes.length) return true;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return false;
  }
}
