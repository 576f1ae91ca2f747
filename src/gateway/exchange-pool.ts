import type { DataPlane } from "./data-plane.ts";
import { Exchange } from "./exchange.ts";
import { EXCHANGES_FREE_MAX } from "./limits.ts";

/**
 * Exchanges that no request has. They and what belongs to them are more than 1 KiB each, which idle connections need not hold; the last one
 * given back is taken first, so that few of them stay warm.
 */
export class ExchangePool {
  readonly #plane: DataPlane;
  readonly #free: Exchange[] = [];

  constructor(plane: DataPlane) {
    this.#plane = plane;
  }

  take(): Exchange {
    return this.#free.pop() ?? new Exchange(this.#plane);
  }

  /** Its request is over, and nobody will tell it anything any more. */
  give(exchange: Exchange): void {
    if (this.#free.length < EXCHANGES_FREE_MAX) this.#free.push(exchange);
  }
}
