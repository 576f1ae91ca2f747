import { loadingStages, type StageTime } from "../core/start-stages.ts";

/** When one worker came how far on its way to ready; monotonic ms. */
export class StartTimes {
  readonly #beganAt: number;
  #connectedAt: number;
  #loadedAt: number;
  /** `stages` of its READY. */
  #told: unknown = null;

  constructor(beganAt: number) {
    this.#beganAt = beganAt;
    this.#connectedAt = beganAt;
    this.#loadedAt = beganAt;
  }

  /** Those of one that was forked at `at`, by one with these: as if it had loaded until now. */
  forked(at: number): StartTimes {
    const times = new StartTimes(at - (this.#loadedAt - this.#beganAt));
    times.connected(at - (this.#loadedAt - this.#connectedAt));
    times.loaded(at, this.#told);
    return times;
  }

  connected(at: number): void {
    this.#connectedAt = at;
  }

  loaded(at: number, told: unknown): void {
    this.#loadedAt = at;
    this.#told = told;
  }

  /** Its stages, now that it is ready. */
  stages(at: number, hasWarmUp: boolean): StageTime[] {
    return [
      { name: "start", ms: Math.round(this.#connectedAt - this.#beganAt) },
      ...loadingStages(this.#told, this.#loadedAt - this.#connectedAt),
      ...(hasWarmUp ? [{ name: "warm-up", ms: Math.round(at - this.#loadedAt) }] : []),
    ];
  }
}
