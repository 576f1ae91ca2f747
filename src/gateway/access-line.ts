import type { DataPathReason } from "../core/errors.ts";
import type { MessageHead } from "../http1/message-head.ts";
import type { AccessEnd, AccessEntry } from "./access-log.ts";
import type { DataPlane } from "./data-plane.ts";

/** The access log's line of the request in hand, from its head to its end. Used only while the log is on. */
export class AccessLine {
  readonly #plane: DataPlane;
  #entry: AccessEntry | null = null;
  #service: string | null = null;
  #reason: DataPathReason | null = null;

  constructor(plane: DataPlane) {
    this.#plane = plane;
  }

  /** A request that was just admitted or refused; `head` is null for bytes that are none. */
  begin(head: MessageHead | null, buf: Buffer | null, sentBytes: number): void {
    const { accessLog, routing } = this.#plane;
    this.#reason = null;
    this.#entry = accessLog?.begin(head, buf, sentBytes) ?? null;
    if (this.#entry === null) return;
    const route = head && buf ? routing.index.find(buf, head.pathFrom, head.targetTo) : null;
    this.#service = route?.name ?? null;
  }

  /** The answer will be the gateway's own. */
  ownAnswer(reason: DataPathReason): void {
    this.#reason = reason;
  }

  /** `sentBytes`: what the connection has sent by now. */
  end(sentBytes: number, end: Omit<AccessEnd, "service" | "reason" | "bytes">): void {
    const entry = this.#entry;
    if (entry === null) return;
    this.#entry = null;
    const bytes = sentBytes - entry.sentBefore;
    this.#plane.accessLog?.end(entry, { ...end, service: this.#service, reason: this.#reason, bytes });
  }
}
