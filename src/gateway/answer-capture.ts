import type { ComparedAnswer } from "../core/traffic/compare-answers.ts";
import type { ContentSink } from "../http1/message-body.ts";
import { MIRROR_ANSWER_BYTES_MAX } from "./limits.ts";
import type { MirrorBudget } from "./mirror-budget.ts";

const NOTHING = Buffer.alloc(0);
const FIRST_BYTES = 1024;

/** An answer kept beside its way to whom it belongs, to be compared. It never refuses a byte: it gives itself up instead. */
export class AnswerCapture implements ContentSink {
  status = 0;
  /** It was too long, or there was no room: what is kept says nothing. */
  isLost = false;
  readonly #budget: MirrorBudget;
  readonly #isBodyKept: boolean;
  #bytes = NOTHING;
  #length = 0;

  /** Without `isBodyKept` only the status counts. */
  constructor(budget: MirrorBudget, isBodyKept: boolean) {
    this.#budget = budget;
    this.#isBodyKept = isBodyKept;
  }

  content(buf: Uint8Array, from: number, to: number): boolean {
    if (!this.#isBodyKept || this.isLost) return true;
    const length = this.#length + to - from;
    if (length > MIRROR_ANSWER_BYTES_MAX || (length > this.#bytes.length && !this.#grow(length))) {
      this.release();
      this.isLost = true;
      return true;
    }
    this.#bytes.set(buf.subarray(from, to), this.#length);
    this.#length = length;
    return true;
  }

  #grow(length: number): boolean {
    const size = Math.min(Math.max(length, this.#bytes.length * 2, FIRST_BYTES), MIRROR_ANSWER_BYTES_MAX);
    if (!this.#budget.take(size - this.#bytes.length)) return false;
    const larger = Buffer.allocUnsafeSlow(size);
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
    return true;
  }

  get answer(): ComparedAnswer {
    return { status: this.status, body: this.#bytes.subarray(0, this.#length) };
  }

  /** Gives the bytes back. */
  release(): void {
    this.#budget.give(this.#bytes.length);
    this.#bytes = NOTHING;
    this.#length = 0;
  }
}
