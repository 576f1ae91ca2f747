/** As far as a pool looks at a worker. */
interface PooledWorker {
  /** Requests that it has. */
  readonly busyCount: number;
  /** How much more it can be given now. */
  readonly freeCount: number;
}

/** The workers that a queue gives its requests to. */
export class WorkerPool<T extends PooledWorker> implements Iterable<T> {
  readonly #workers: T[] = [];

  add(worker: T): void {
    this.#workers.push(worker);
  }

  remove(worker: T): void {
    const at = this.#workers.indexOf(worker);
    if (at !== -1) this.#workers.splice(at, 1);
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#workers[Symbol.iterator]();
  }

  /** Requests that some worker has; those that nobody waits for any more count too. */
  get busyCount(): number {
    let count = 0;
    for (const worker of this.#workers) count += worker.busyCount;
    return count;
  }

  /** The one with the most room, the first of equals; null: none has any. */
  get freest(): T | null {
    let best: T | null = null;
    for (const worker of this.#workers) {
      if (worker.freeCount > (best === null ? 0 : best.freeCount)) best = worker;
    }
    return best;
  }
}
