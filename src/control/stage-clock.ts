import type { StageTime } from "../core/start-stages.ts";

/** Times stages that come one after the other. */
export class StageClock {
  readonly all: StageTime[] = [];
  readonly #now: () => number;

  /** @param now monotonic ms */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Does the work of a stage; one that fails is not among them. */
  async time<T>(name: string, work: () => Promise<T>): Promise<T> {
    const beganAt = this.#now();
    const result = await work();
    this.all.push({ name, ms: Math.round(this.#now() - beganAt) });
    return result;
  }
}
