import { ClientOrigin } from "./client-origin.ts";

/** Connections by client address; as many entries as there are addresses connected now. */
export class AddressCounts {
  readonly #counts = new Map<string, number>();
  readonly #origins = new Map<string, ClientOrigin>();

  /** One more from `address`, unless it has `max` already: then false. */
  enter(address: string, max: number): boolean {
    const count = this.#counts.get(address) ?? 0;
    if (count >= max) return false;
    this.#counts.set(address, count + 1);
    return true;
  }

  leave(address: string): void {
    const count = this.#counts.get(address) ?? 0;
    if (count > 1) this.#counts.set(address, count - 1);
    else {
      this.#counts.delete(address);
      this.#origins.delete(address);
    }
  }

  /** What all connections from `address` share while there are some. */
  originOf(address: string): ClientOrigin {
    const known = this.#origins.get(address);
    if (known !== undefined) return known;
    const origin = new ClientOrigin(address);
    if (this.#counts.has(address)) this.#origins.set(address, origin);
    return origin;
  }

  /** Addresses with a connection. */
  get size(): number {
    return this.#counts.size;
  }
}
