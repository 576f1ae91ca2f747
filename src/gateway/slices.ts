/**
 * Work that would stop all requests of a worker if it were done in one go. It is written as a generator that yields where it may be put
 * aside, each time after some µs of work.
 */
export type Steps<T> = Generator<undefined, T, undefined>;

/** Does all of it now. */
export function finish<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** Does such work a slice in each turn of the loop; whatever else is due comes in between. One piece of work at a time. */
export class Slices {
  readonly #nowMs: () => number;
  readonly #sliceMs: number;
  #rest: (() => boolean) | null = null;
  #turn: NodeJS.Immediate | null = null;

  /** Work is put aside at its first yield after `sliceMs`. `nowMs` is monotonic. */
  constructor(nowMs: () => number, sliceMs: number) {
    this.#nowMs = nowMs;
    this.#sliceMs = sliceMs;
  }

  get isBusy(): boolean {
    return this.#rest !== null;
  }

  /** Begins, in this turn. `done` gets the result, in a later one if there is more than a slice of it. */
  start<T>(steps: Steps<T>, done: (result: T) => void): void {
    this.#rest = () => {
      const step = steps.next();
      if (step.done !== true) return false;
      this.#rest = null;
      done(step.value);
      return true;
    };
    this.#slice();
  }

  /** Does the rest now, if there is any. */
  finish(): void {
    if (this.#turn !== null) clearImmediate(this.#turn);
    this.#turn = null;
    const rest = this.#rest;
    if (rest !== null) while (!rest());
  }

  #slice(): void {
    this.#turn = null;
    const rest = this.#rest!;
    const endMs = this.#nowMs() + this.#sliceMs;
    while (!rest()) {
      if (this.#nowMs() < endMs) continue;
      this.#turn = setImmediate(() => this.#slice());
      return;
    }
  }
}
