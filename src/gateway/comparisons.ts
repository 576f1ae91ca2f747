import { type AnswerShown, DIFFERENCE_BYTES_MAX, type MirrorDifference } from "../core/traffic/mirror.ts";
import type { Clock } from "../ports/clock.ts";
import type { AnswerCapture } from "./answer-capture.ts";
import type { AnswerPair } from "./answer-pair.ts";
import { MIRROR_COMPARE_WAITING_MAX, MIRROR_DIFFERENCES_PER_REPORT } from "./limits.ts";
import type { MirrorBudget } from "./mirror-budget.ts";
import type { MirrorTarget } from "./mirror-target.ts";

interface Waiting {
  readonly pair: AnswerPair;
  readonly target: MirrorTarget;
  readonly capture: AnswerCapture;
}

/** Compares pairs of answers when the loop has nothing else to do: one in a turn, from a bounded queue. */
export class Comparisons {
  readonly budget: MirrorBudget;
  readonly #clock: Clock;
  readonly #waiting: Waiting[] = [];
  #turn: NodeJS.Immediate | null = null;
  #differences: MirrorDifference[] = [];

  constructor(budget: MirrorBudget, clock: Clock) {
    this.budget = budget;
    this.#clock = clock;
  }

  /** False when the queue is full. The pair is told by `closed` when it is done with. */
  add(waiting: Waiting): boolean {
    if (this.#waiting.length >= MIRROR_COMPARE_WAITING_MAX) return false;
    this.#waiting.push(waiting);
    this.#turn ??= setImmediate(() => this.#next());
    return true;
  }

  #next(): void {
    this.#turn = null;
    const waiting = this.#waiting.shift();
    if (waiting === undefined) return;
    this.#compare(waiting);
    if (this.#waiting.length > 0) this.#turn = setImmediate(() => this.#next());
  }

  #compare({ pair, target, capture }: Waiting): void {
    const { comparison, sampleCount, service } = pair.mirror;
    const text = comparison?.difference(pair.primary.answer, capture.answer);
    // Undefined: the rule has changed meanwhile, and there is none any more.
    if (text === undefined) target.meter.uncompared++;
    else target.meter.compared++;
    if (typeof text === "string") {
      target.meter.differing++;
      if (sampleCount > 0) {
        this.#keep({
          atMs: this.#clock.now(),
          service: service.name,
          target: target.service.name,
          requestId: pair.requestId,
          text,
          primary: shown(pair.primary),
          copy: shown(capture),
        });
      }
    }
    capture.release();
    pair.closed();
  }

  #keep(difference: MirrorDifference): void {
    this.#differences.push(difference);
    if (this.#differences.length > MIRROR_DIFFERENCES_PER_REPORT) this.#differences.shift();
  }

  /** The newest differing pairs since the last call. */
  take(): readonly MirrorDifference[] {
    const taken = this.#differences;
    if (taken.length > 0) this.#differences = [];
    return taken;
  }

  close(): void {
    if (this.#turn !== null) clearImmediate(this.#turn);
    this.#waiting.length = 0;
  }
}

function shown(capture: AnswerCapture): AnswerShown {
  const { status, body } = capture.answer;
  const isCut = body.length > DIFFERENCE_BYTES_MAX;
  return { status, body: Buffer.from(body.subarray(0, DIFFERENCE_BYTES_MAX)).toString("utf8"), isCut };
}
