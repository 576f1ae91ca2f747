import type { SuccessorOrder } from "../core/gateway-report.ts";
import type { Log } from "../ports/log.ts";
import type { ControlSocket } from "./control-socket.ts";
import type { DataPlane } from "./data-plane.ts";
import { DRAIN_TURNS_MAX } from "./limits.ts";
import type { ListeningSocket, ListeningSockets } from "./listening-sockets.ts";

/** Starts the process that follows this one, with these sockets; rejects when it cannot. */
export type StartSuccessor = (order: SuccessorOrder, sockets: readonly ListeningSocket[]) => Promise<void>;

export interface DepartureDeps {
  readonly plane: DataPlane;
  readonly sockets: ListeningSockets;
  readonly control: ControlSocket;
  readonly log: Log;
  /** Connections of clients so far. */
  readonly acceptedCount: () => number;
  /** Connections that are not clients yet, as their TLS handshake is not done. */
  readonly handshakeCount: () => number;
  /** Undefined: it is always refused. */
  readonly startSuccessor: StartSuccessor | undefined;
}

/**
 * How a worker goes: it may start its successor, goes on accepting until that one serves, then drains: takes no new connections, gives each
 * one it has a last answer, and is done when all are gone or its time is over.
 */
export class Departure {
  readonly #deps: DepartureDeps;
  /** Whatever is left then is cut; monotonic ms. */
  #deadlineMs = Number.POSITIVE_INFINITY;
  /** Connections without a request are closed from then on. A client that sends its next one just then loses it. */
  #idleUntilMs = Number.POSITIVE_INFINITY;
  #drained: Promise<void> | null = null;

  constructor(deps: DepartureDeps) {
    this.#deps = deps;
  }

  /** Starts the successor that the control process describes, or tells it why not. */
  async startSuccessor(order: SuccessorOrder): Promise<void> {
    const { startSuccessor, sockets, plane, control, log } = this.#deps;
    try {
      if (startSuccessor === undefined) throw new Error("this worker cannot start others");
      if (plane.isDraining || !sockets.isOpen) throw new Error("this worker does not listen");
      await startSuccessor(order, sockets.descriptors());
      log.info({ successor: order.id }, "started a successor with the listening sockets");
    } catch (error) {
      log.warn({ successor: order.id, err: error }, "could not start a successor");
      control.send({ type: "successor-failed", id: order.id, reason: (error as Error).message });
    }
  }

  /**
   * Tells the control process that this worker is asked to end. Resolves with true when a successor has taken its place, so that it
   * drains; with false when it drained before, when nobody gives it a successor, or when that takes too long.
   */
  async leave(): Promise<boolean> {
    const { plane, control } = this.#deps;
    if (plane.isDraining) return false;
    const { clock, times } = plane;
    const untilMs = clock.monotonic() + times.leaveMs;
    control.send({ type: "leaving" });
    while (!plane.isDraining && control.isLinked && clock.monotonic() < untilMs) await clock.sleep(20);
    return plane.isDraining;
  }

  /** Drains; when it drains already, waits no longer than now said. Both are monotonic ms. */
  drain(deadlineMs: number, idleUntilMs: number): Promise<void> {
    this.#deadlineMs = Math.min(this.#deadlineMs, deadlineMs);
    this.#idleUntilMs = Math.min(this.#idleUntilMs, idleUntilMs);
    this.#drained ??= this.#drain();
    return this.#drained;
  }

  async #drain(): Promise<void> {
    const { plane, sockets, control, acceptedCount, handshakeCount, log } = this.#deps;
    const { clients, clock, times } = plane;
    plane.isDraining = true;
    control.send({ type: "draining" });
    log.info({ connections: clients.size }, "draining");
    for (const hook of plane.drainHooks) hook();
    // Whatever has connected so far is taken in first: when no successor has the socket too, closing it resets connections that the
    // kernel still holds for us. After a turn of the loop that brought none, close follows at once.
    let seen = -1;
    for (let turns = 0; seen !== acceptedCount() && turns < DRAIN_TURNS_MAX; turns++) {
      seen = acceptedCount();
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    sockets.close();
    for (;;) {
      const nowMs = clock.monotonic();
      const left = clients.size + handshakeCount();
      if (left === 0 || nowMs >= this.#deadlineMs) {
        for (let i = 0; i < left; i++) plane.limited.count("drain");
        return;
      }
      const isLast = nowMs > this.#deadlineMs - times.tunnelCloseMs;
      if (isLast || nowMs > this.#idleUntilMs)
        for (const client of clients) {
          if (client.isIdle) client.close();
          if (isLast) client.closeTunnel();
        }
      await clock.sleep(Math.min(20, times.drainIdleMs));
    }
  }
}
