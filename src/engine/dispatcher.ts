import type { Exchange, RequestQueue, RequestTaker } from "./exchange.ts";
import { WaitingList } from "./waiting-list.ts";
import { WorkerPool } from "./worker-pool.ts";

/** The bounded queue in front of the slots of all workers. First come, first served; the freest worker takes the next. */
export class Dispatcher implements RequestQueue {
  queueSizeMax: number;
  readonly #workers = new WorkerPool<RequestTaker>();
  readonly #waiting = new WaitingList();

  constructor(queueSizeMax: number) {
    this.queueSizeMax = queueSizeMax;
  }

  get queuedCount(): number {
    return this.#waiting.count;
  }

  get busyCount(): number {
    return this.#workers.busyCount;
  }

  add(worker: RequestTaker): void {
    this.#workers.add(worker);
    this.pump();
  }

  remove(worker: RequestTaker): void {
    this.#workers.remove(worker);
  }

  /** Gives a request to a worker, or lets it wait. False when the queue is full. */
  submit(exchange: Exchange): boolean {
    const worker = this.#waiting.count === 0 ? this.#workers.freest : null;
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
      const worker = this.#workers.freest;
      if (worker === null) return;
      this.#waiting.remove(exchange);
      exchange.leftQueue();
      worker.send(exchange);
    }
  }
}
