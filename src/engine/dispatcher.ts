import type { Exchange, RequestTaker } from "./exchange.ts";

/** The bounded queue in front of the slots of all workers. First come, first served; the freest worker takes the next. */
export class Dispatcher {
  /** Requests that may wait (`metadata.rpc.max_queue_size`). */
  queueSizeMax: number;
  readonly #workers: RequestTaker[] = [];
  #first: Exchange | null = null;
  #last: Exchange | null = null;
  #queued = 0;

  constructor(queueSizeMax: number) {
    this.queueSizeMax = queueSizeMax;
  }

  get queuedCount(): number {
    return this.#queued;
  }

  /** Requests that some worker has; those that nobody waits for any more count too. */
  get busyCount(): number {
    let count = 0;
    for (const worker of this.#workers) count += worker.busyCount;
    return count;
  }

  add(worker: RequestTaker): void {
    this.#workers.push(worker);
    this.pump();
  }

  remove(worker: RequestTaker): void {
    const at = this.#workers.indexOf(worker);
    if (at !== -1) this.#workers.splice(at, 1);
  }

  /** Gives a request to a worker, or lets it wait. False when the queue is full. */
  submit(exchange: Exchange): boolean {
    const worker = this.#queued === 0 ? this.#freest() : null;
    if (worker !== null) {
      worker.send(exchange);
      return true;
    }
    if (this.#queued >= this.queueSizeMax) return false;
    exchange.payload.own();
    exchange.isQueued = true;
    exchange.queueNext = null;
    exchange.queuePrevious = this.#last;
    if (this.#last === null) this.#first = exchange;
    else this.#last.queueNext = exchange;
    this.#last = exchange;
    this.#queued++;
    return true;
  }

  /** Nobody waits for this request any more. */
  withdraw(exchange: Exchange): void {
    if (exchange.isQueued) {
      this.#unlink(exchange);
      exchange.leftQueue();
      exchange.payload.clear();
    } else if (exchange.worker !== null) {
      exchange.worker.cancel(exchange);
    }
  }

  /** Gives waiting requests to free slots. */
  pump(): void {
    while (this.#first !== null) {
      const worker = this.#freest();
      if (worker === null) return;
      const exchange = this.#first;
      this.#unlink(exchange);
      exchange.leftQueue();
      worker.send(exchange);
    }
  }

  #freest(): RequestTaker | null {
    let best: RequestTaker | null = null;
    for (const worker of this.#workers) {
      if (worker.freeCount > (best === null ? 0 : best.freeCount)) best = worker;
    }
    return best;
  }

  #unlink(exchange: Exchange): void {
    const { queuePrevious: previous, queueNext: next } = exchange;
    if (previous === null) this.#first = next;
    else previous.queueNext = next;
    if (next === null) this.#last = previous;
    else next.queuePrevious = previous;
    exchange.queueNext = null;
    exchange.queuePrevious = null;
    exchange.isQueued = false;
    this.#queued--;
  }
}
