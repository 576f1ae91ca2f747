import { AnswerCapture } from "./answer-capture.ts";
import type { Comparisons } from "./comparisons.ts";
import type { Mirror } from "./mirror.ts";
import type { MirrorTarget } from "./mirror-target.ts";

/**
 * The client's answer to one request, and those of the targets that got a copy of it. Whichever comes first waits for the
 * other. It holds the client's answer until the last pair is done with.
 */
export class AnswerPair {
  readonly mirror: Mirror;
  readonly requestId: string;
  readonly primary: AnswerCapture;
  readonly #comparisons: Comparisons;
  readonly #isBodyKept: boolean;
  #isPrimaryPending = true;
  readonly #early: { readonly target: MirrorTarget; readonly capture: AnswerCapture }[] = [];
  /** Who may still need the client's answer: its own exchange, and one for each target. */
  #open: number;

  constructor(mirror: Mirror, comparisons: Comparisons, isBodyKept: boolean, requestId: string) {
    this.mirror = mirror;
    this.requestId = requestId;
    this.#comparisons = comparisons;
    this.#isBodyKept = isBodyKept;
    this.#open = 1 + mirror.targets.length;
    this.primary = new AnswerCapture(comparisons.budget, isBodyKept);
  }

  /** Where a target's answer is kept. */
  newCapture(): AnswerCapture {
    return new AnswerCapture(this.#comparisons.budget, this.#isBodyKept);
  }

  /** The exchange is over; `status` is what the instance answered in whole, or 0. */
  primaryOver(status: number): void {
    this.primary.status = status;
    if (status === 0) this.primary.isLost = true;
    this.#isPrimaryPending = false;
    for (const { target, capture } of this.#early.splice(0)) this.#compare(target, capture);
    this.closed();
  }

  /** The target answered in whole. */
  copyAnswered(target: MirrorTarget, capture: AnswerCapture): void {
    if (this.#isPrimaryPending) this.#early.push({ target, capture });
    else this.#compare(target, capture);
  }

  /** A copy that was sent is not answered. */
  copyFailed(target: MirrorTarget): void {
    target.meter.uncompared++;
    this.closed();
  }

  #compare(target: MirrorTarget, capture: AnswerCapture): void {
    if (!this.primary.isLost && !capture.isLost && this.#comparisons.add({ pair: this, target, capture }))
      return;
    target.meter.uncompared++;
    capture.release();
    this.closed();
  }

  /** One of those who may need the client's answer is done. */
  closed(): void {
    if (--this.#open === 0) this.primary.release();
  }
}
