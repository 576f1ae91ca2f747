import type { Exchange, RequestQueue, RequestTaker } from "./exchange.ts";
import { WaitingList } from "./waiting-list.ts";

/** The bounded queue in front of the slots of all workers. First come, first served; the freest worker takes the next. */
export class Dispatcher implements RequestQueue {
  queueSizeMax: number;
  readonly #workers: RequestTaker[] = [];
  readonly #waiting = new WaitingList();

  constructor(queueSizeMax: number) {
    this.queueSizeMax = queueSizeMax;
  }

  get queuedCount(): number {
    return this.#waiting.count;
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
    const worker = this.#waiting.count === 0 ? this.#freest() : null;
    if (worker !== null) {
      worker.send(exchange);
      return true;
    }
    if (this.#waiting.count >= this.queueSizeMax) return false;
    this.#waiting.append(exchange);
    return true;
  }

  /** Nobody waits for this request any more. */
  withdraw(exchange: Exchange): void {
    if (exchange.isQueued) {
      this.#waiting.remove(exchange);
      exchange.leftQueue();
      exchange.payload.clear();
    } else if (exchange.worker !== null) {
      exchange.worker.cancel(exchange);
    }
  }

  /** Gives waiting requests to free slots. */
  pump(): void {
    for (let exchange = this.#waiting.first; exchange !== null; exchange = this.#waiting.first) {
      const worker = this.#freest();
      if (worker === null) return;
      this.#waiting.remove(exchange);
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
}
