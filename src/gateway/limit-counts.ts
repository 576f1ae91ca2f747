/** How often each limit took effect since the last report. Nothing is kept for limits that did not. */
export class LimitCounts {
  #counts: Record<string, number> = {};
  #isEmpty = true;

  /** One more request, or connection, that the limit of this name met. */
  count(name: string): void {
    this.#counts[name] = (this.#counts[name] ?? 0) + 1;
    this.#isEmpty = false;
  }

  get isEmpty(): boolean {
    return this.#isEmpty;
  }

  /** What was counted since the last call. */
  take(): Readonly<Record<string, number>> {
    const taken = this.#counts;
    if (!this.#isEmpty) {
      this.#counts = {};
      this.#isEmpty = true;
    }
    return taken;
  }
}
