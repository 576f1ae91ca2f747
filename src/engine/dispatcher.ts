import type { Exchange } from "./exchange.ts";
import type { Worker } from "./worker.ts";

/** The bounded queue in front of the slots of all workers. First come, first served; the freest worker takes the next. */
export class Dispatcher {
  /** Requests that may wait (`metadata.rpc.max_queue_size`). */
  queueSizeMax: number;
  readonly #workers: Worker[] = [];
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

  add(worker: Worker): void {
    this.#workers.push(worker);
    this.pump();
  }

  remove(worker: Worker): void {
    const at = this.#workers.indexOf(worker);
    if (at !== -1) this.#workers.splice(at, 1);
  }

  /** Gives a request to a worker, or lets it wait. False when the queue is full. `front` and `body` are copied when it has to wait. */
  submit(
    exchange: Exchange,
    type: number,
    front: Buffer,
    frontBytes: number,
    body: Buffer,
    from: number,
    to: number,
    isOwned: boolean,
  ): boolean {
    const worker = this.#queued === 0 ? this.#freest() : null;
    if (worker !== null) {
      worker.send(exchange, type, front, frontBytes, body, from, to);
      return true;
    }
    if (this.#queued >= this.queueSizeMax) return false;
    exchange.frameType = type;
    exchange.front = Buffer.from(front.subarray(0, frontBytes));
    // An owned body is held anyway; a part of a read buffer would keep all 64 KiB of it alive.
    exchange.body = isOwned ? body.subarray(from, to) : Buffer.from(body.subarray(from, to));
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
    if (exchange.isQueued) this.#unlink(exchange);
    else if (exchange.worker !== null) exchange.worker.cancel(exchange);
  }

  /** Gives waiting requests to free slots. */
  pump(): void {
    while (this.#first !== null) {
      const worker = this.#freest();
      if (worker === null) return;
      const exchange = this.#first;
      const { frameType, front, body } = exchange;
      this.#unlink(exchange);
      worker.send(exchange, frameType, front, front.length, body, 0, body.length);
    }
  }

  #freest(): Worker | null {
    let best: Worker | null = null;
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
    exchange.front = NOTHING;
    exchange.body = NOTHING;
    this.#queued--;
  }
}

const NOTHING = Buffer.alloc(0);
