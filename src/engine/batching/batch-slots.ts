/** Which of a worker's request slots belong to which batch: a batch's thread there is free when all of its requests are answered. */
export class BatchSlots {
  readonly #count: number;
  readonly #free: number[] = [];
  /** Per request slot, its batch. */
  readonly #batchOf: number[] = [];
  /** Per batch, requests that are not answered. */
  readonly #left: number[] = [];

  /** @param count batches at once */
  constructor(count: number) {
    this.#count = count;
    for (let batch = count - 1; batch >= 0; batch--) {
      this.#left[batch] = 0;
      this.#free.push(batch);
    }
  }

  get freeCount(): number {
    return this.#free.length;
  }

  get busyCount(): number {
    return this.#count - this.#free.length;
  }

  /** These slots become one batch; one must be free. */
  take(slots: readonly number[]): void {
    const batch = this.#free.pop()!;
    this.#left[batch] = slots.length;
    for (const slot of slots) this.#batchOf[slot] = batch;
  }

  answered(slot: number): void {
    const batch = this.#batchOf[slot]!;
    this.#left[batch]!--;
    if (this.#left[batch] === 0) this.#free.push(batch);
  }
}
