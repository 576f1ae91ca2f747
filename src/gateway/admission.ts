import type { Socket } from "node:net";
import { AddressCounts } from "./address-counts.ts";
import type { Caps } from "./data-plane.ts";
import type { LimitCounts } from "./limit-counts.ts";

/** Who may connect: the limits that count before a byte is read, of all ports of a worker together. */
export class Admission {
  readonly addresses = new AddressCounts();
  /** Connections so far, also those that were turned away. */
  seen = 0;
  readonly #caps: Caps;
  readonly #limited: LimitCounts;

  constructor(caps: Caps, limited: LimitCounts) {
    this.#caps = caps;
    this.#limited = limited;
  }

  /**
   * The address of a client that may come while there are `connections` others; it has one place less now, until it leaves
   * {@link addresses}. Null: it was turned away.
   */
  admit(socket: Socket, connections: number): string | null {
    this.seen++;
    const address = (socket.remoteAddress ?? "unknown").replace(/^::ffff:/, "");
    if (connections >= this.#caps.clientsMax) return this.#turnAway(socket, "connections");
    if (this.addresses.enter(address, this.#caps.clientsPerAddressMax)) return address;
    return this.#turnAway(socket, "connections_per_address");
  }

  #turnAway(socket: Socket, limit: string): null {
    this.#limited.count(limit);
    socket.destroy();
    return null;
  }
}
