/**
 * Tells when the one who leads has stopped. It is looked at by its beat, a number that changes while it lives: the clocks of machines do not
 * matter, only the time between two looks here. A pause of the one who looks is no proof: the look after it sees another beat.
 */
export class StaleWatch {
  readonly #staleMs: number;
  #beat: string | null = null;
  #seenAtMs = 0;

  constructor(staleMs: number) {
    this.#staleMs = staleMs;
  }

  /**
   * One look. `askedAtMs` and `answeredAtMs` are monotonic, around the question. `stale`: this beat was there at a look that had its answer
   * `staleMs` before this one was asked.
   */
  look(beat: string, askedAtMs: number, answeredAtMs: number): "first" | "alive" | "same" | "stale" {
    const before = this.#beat;
    if (beat !== before) {
      this.#beat = beat;
      this.#seenAtMs = answeredAtMs;
      return before === null ? "first" : "alive";
    }
    return askedAtMs - this.#seenAtMs >= this.#staleMs ? "stale" : "same";
  }
}
