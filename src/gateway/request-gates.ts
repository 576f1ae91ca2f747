import type { DataPathReason } from "../core/errors.ts";
import type { MessageHead } from "../http1/message-head.ts";
import { bytesInFlight } from "./bytes-in-flight.ts";
import { NO_KEY } from "./client-key.ts";
import type { DataPlane } from "./data-plane.ts";
import type { Service } from "./service.ts";
import type { ServiceGate } from "./service-gate.ts";
import { SignedBody } from "./signed-body.ts";

/** Where a client is told what the gates have for it. */
interface Told {
  /** For a 429 of our own. */
  retryAfterS: number;
  /** Lines of a head for its answer. */
  addLines(lines: Buffer): void;
}

/**
 * What a request has to pass once its service is known: the service's limits, this worker's bound on bytes held, and the digest of a signed
 * body, at its start and with each further piece. Each exchange has one, used again and again.
 */
export class RequestGates {
  /** What the client is known by where that picks its instance; else NO_KEY. */
  key = NO_KEY;
  readonly #plane: DataPlane;
  readonly #answer: Told;
  #service: Service | null = null;
  /** The limits that the request has passed, and has to leave; null: none. */
  #gate: ServiceGate | null = null;
  /** Set while the body of a signed request passes. */
  #signedBody: SignedBody | null = null;
  /** Of its body, so far. */
  #bodyBytes = 0;

  /** `answer` is told what its client is to be told. */
  constructor(plane: DataPlane, answer: Told) {
    this.#plane = plane;
    this.#answer = answer;
  }

  /**
   * A request for `service` at `nowMs` (monotonic): its head in `buf[from..bodyFrom)`, and what is here of its body, up to `to`. Null lets it
   * go on; it has to `leave` either way. Limits first: they cost less than a digest.
   */
  enter(
    service: Service,
    head: MessageHead,
    buf: Buffer,
    from: number,
    bodyFrom: number,
    to: number,
    isDone: boolean,
    nowMs: number,
  ): DataPathReason | null {
    const { routing, caps, limited } = this.#plane;
    const { gate, balancing } = service;
    this.#service = service;
    this.key = balancing?.kind === "hash" ? routing.keys.read(balancing.by, head, buf) : NO_KEY;
    // A client that is to be known by a cookie gets it with its answer, whatever that is.
    if (routing.keys.setCookies !== null) this.#answer.addLines(routing.keys.setCookies);
    this.#bodyBytes = to - bodyFrom;
    if (gate !== null) {
      const arrival = {
        headBytes: bodyFrom - from,
        contentLength: head.contentLength,
        bodyBytes: this.#bodyBytes,
      };
      const refusal = gate.enter(arrival, nowMs, service.limited);
      if (refusal !== null) {
        this.#answer.retryAfterS = gate.retryAfterS;
        return refusal;
      }
      this.#gate = gate;
    }
    if (bytesInFlight.sum > caps.bytesInFlightMax) {
      limited.count("bytes_in_flight");
      return "GATEWAY_OVERLOADED";
    }
    this.#signedBody = SignedBody.of(head, routing);
    const isRight = this.#signedBody?.passes(buf, bodyFrom, to, isDone) !== false;
    return isRight ? null : "BODY_DIGEST_MISMATCH";
  }

  /** More of the body; null lets it go on. */
  refusalOf(buf: Buffer, from: number, to: number, isDone: boolean): DataPathReason | null {
    this.#bodyBytes += to - from;
    if (this.#gate?.isTooLarge(this.#bodyBytes, this.#service!.limited) === true) return "BODY_TOO_LARGE";
    // These bytes stay here, so the instance never has the whole of a request whose body is wrong.
    const isRight = this.#signedBody?.passes(buf, from, to, isDone) !== false;
    return isRight ? null : "BODY_DIGEST_MISMATCH";
  }

  /**
   * The service's own time limits; monotonic ms. `isMoving`: somebody owes bytes, none of which came since `movedMs`. While the instance
   * works, nothing moves, and only the total counts.
   */
  isOverTime(startedMs: number, movedMs: number, nowMs: number, isMoving: boolean): boolean {
    if (this.#gate === null) return false;
    const { idleMs, totalMs } = this.#gate;
    const counts = this.#service!.limited;
    if (totalMs !== null && nowMs - startedMs > totalMs) {
      counts.count("total_timeout");
      return true;
    }
    if (idleMs === null || !isMoving || nowMs - movedMs <= idleMs) return false;
    counts.count("idle_timeout");
    return true;
  }

  /** The request is over. */
  leave(): void {
    this.#gate?.leave();
    this.#gate = null;
  }
}
