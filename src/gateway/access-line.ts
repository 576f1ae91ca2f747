import type { DataPathReason } from "../core/errors.ts";
import type { MessageHead } from "../http1/message-head.ts";
import type { AccessEntry, Sent } from "./access-log.ts";
import type { DataPlane } from "./data-plane.ts";

/** A request as its line tells of it. */
export interface LoggedRequest {
  readonly requestId: Buffer;
  readonly requestIdLength: number;
  readonly clientAddress: Buffer;
  readonly isThroughGroup: boolean;
  readonly serviceName: string;
  readonly instanceId: string | null;
  ageMs(): number;
}

/** The access log's line of the request in hand, from its head to its end. Used only while the log is on. */
export class AccessLine {
  readonly #exchange: LoggedRequest;
  readonly #plane: DataPlane;
  #wire!: Sent;
  #entry: AccessEntry | null = null;
  #service: string | null = null;
  #reason: DataPathReason | null = null;

  /** For the requests of `exchange`. */
  constructor(exchange: LoggedRequest, plane: DataPlane) {
    this.#exchange = exchange;
    this.#plane = plane;
  }

  /** A request that was just admitted or refused; `head` is null for bytes that are none. Its client is on `wire`. */
  begin(head: MessageHead | null, buf: Buffer | null, wire: Sent): void {
    this.#wire = wire;
    const { accessLog, routing } = this.#plane;
    this.#reason = null;
    this.#entry = accessLog?.begin(head, buf, wire) ?? null;
    if (this.#entry === null) return;
    const route = head && buf ? routing.index.find(buf, head.pathFrom, head.targetTo) : null;
    this.#service = route?.name ?? null;
  }

  /** The answer will be the gateway's own. */
  ownAnswer(reason: DataPathReason): void {
    this.#reason = reason;
  }

  /** The request is over, or has become a tunnel. */
  end(status: number): void {
    const entry = this.#entry;
    if (entry === null) return;
    this.#entry = null;
    const exchange = this.#exchange;
    this.#plane.accessLog?.end(entry, {
      requestId: exchange.requestId.toString("latin1", 0, exchange.requestIdLength),
      client: exchange.clientAddress.toString("latin1"),
      service: this.#service,
      member: exchange.isThroughGroup ? exchange.serviceName : null,
      instance: exchange.instanceId,
      status,
      reason: this.#reason,
      bytes: this.#wire.bytesWritten - entry.sentBefore,
      ms: exchange.ageMs(),
    });
  }
}
