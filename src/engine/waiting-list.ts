import type { Exchange } from "./exchange.ts";

/** Requests that wait, first come first served; any of them can be taken out. The links are in the requests themselves, so it makes nothing. */
export class WaitingList {
  first: Exchange | null = null;
  count = 0;
  #last: Exchange | null = null;

  /** Copies what of it is not its own, and puts it at the end. */
  append(exchange: Exchange): void {
    exchange.payload.own();
    exchange.isQueued = true;
    exchange.queueNext = null;
    exchange.queuePrevious = this.#last;
    if (this.#last === null) this.first = exchange;
    else this.#last.queueNext = exchange;
    this.#last = exchange;
    this.count++;
  }

  remove(exchange: Exchange): void {
    const { queuePrevious: previous, queueNext: next } = exchange;
    if (previous === null) this.first = next;
    else previous.queueNext = next;
    if (next === null) this.#last = previous;
    else next.queuePrevious = previous;
    exchange.queueNext = null;
    exchange.queuePrevious = null;
    exchange.isQueued = false;
    this.count--;
  }
}
