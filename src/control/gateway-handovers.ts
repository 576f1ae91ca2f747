import type { GatewayId } from "../core/names.ts";

/** A worker starts its successor in some 300 ms, also on a busy machine within this. One that hangs does not. */
const HANDOVER_MS = 5_000;

interface Order {
  readonly from: GatewayId;
  readonly sinceMs: number;
  /** The successor was there. */
  hasArrived: boolean;
}

/** What has become of an order. */
export type HandoverState = "none" | "under way" | "failed";

/**
 * Orders to gateways to start their successors, by the id of the successor: from the moment when one is sent until its successor
 * serves, or has to be started in the other way.
 */
export class GatewayHandovers {
  readonly #orders = new Map<GatewayId, Order>();

  begin(successor: GatewayId, from: GatewayId, nowMs: number): void {
    this.#orders.set(successor, { from, sinceMs: nowMs, hasArrived: false });
  }

  /** A process of this name is there. */
  arrived(successor: GatewayId): void {
    const order = this.#orders.get(successor);
    if (order !== undefined) order.hasArrived = true;
  }

  /** It serves, or is started in the other way: the order is done with. */
  forget(successor: GatewayId): void {
    this.#orders.delete(successor);
  }

  /**
   * Asked while no process of this name is there. `from` is the worker that could be told to start it now; `failure` is what the one
   * that was told has answered.
   */
  state(
    successor: GatewayId,
    now: { readonly from: GatewayId | undefined; readonly failure: string | null; readonly nowMs: number },
  ): HandoverState {
    const order = this.#orders.get(successor);
    if (order === undefined) return "none";
    const isLost = order.hasArrived || order.from !== now.from || now.failure !== null;
    return isLost || now.nowMs - order.sinceMs >= HANDOVER_MS ? "failed" : "under way";
  }

  has(successor: GatewayId): boolean {
    return this.#orders.has(successor);
  }
}
