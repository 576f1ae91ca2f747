import type { DataPathReason } from "../core/errors.ts";
import {
  type Ceiling,
  type GatewayPolicy,
  type RequestLimits,
  rateShare,
  type WorkerShare,
  wholeShare,
} from "../core/traffic/policy.ts";
import { RateLimiter } from "../core/traffic/rate-limiter.ts";
import type { LimitCounts } from "./limit-counts.ts";

/** What a request brings along, as far as limits look at it. */
export interface Arrival {
  readonly headBytes: number;
  /** Value of Content-Length; -1 when there is none. */
  readonly contentLength: number;
  /** Bytes of the body that are here already. */
  readonly bodyBytes: number;
}

/**
 * The limits of one service in one worker. A refusal takes no token and no place; requests that came before there was a
 * limit are not counted by it. Lives as long as tables name the service with a policy.
 */
export class ServiceGate {
  /** After a 429: whole seconds until a try can succeed, for Retry-After. */
  retryAfterS = 1;
  #limits!: RequestLimits;
  #rate: Ceiling | null = null;
  #limiter: RateLimiter | null = null;
  #concurrency: Ceiling | null = null;
  #inFlightMax = 0;
  #inFlight = 0;

  constructor(policy: GatewayPolicy, share: WorkerShare) {
    this.update(policy, share);
  }

  /** Goes on under another policy; what is in flight and the tokens that are missing still count. */
  update(policy: GatewayPolicy, share: WorkerShare): void {
    this.#limits = policy.request;
    this.#rate = policy.rate;
    if (policy.rate === null) this.#limiter = null;
    else {
      const perSecond = rateShare(policy.rate.limit, share);
      if (this.#limiter === null) this.#limiter = new RateLimiter(perSecond);
      else this.#limiter.setRate(perSecond);
    }
    this.#concurrency = policy.concurrency;
    this.#inFlightMax = policy.concurrency === null ? 0 : wholeShare(policy.concurrency.limit, share);
  }

  get idleMs(): number | null {
    return this.#limits.idleMs;
  }

  get totalMs(): number | null {
    return this.#limits.totalMs;
  }

  /** A request at `nowMs` (monotonic): null lets it in, and it has to `leave`; else why it is refused. */
  enter(arrival: Arrival, nowMs: number, counts: LimitCounts): DataPathReason | null {
    const { headBytesMax, bodyBytesMax } = this.#limits;
    if (headBytesMax !== null && arrival.headBytes > headBytesMax) {
      counts.count("header_bytes");
      return "HEAD_TOO_LARGE";
    }
    if (bodyBytesMax !== null && Math.max(arrival.contentLength, arrival.bodyBytes) > bodyBytesMax) {
      counts.count("body_bytes");
      return "BODY_TOO_LARGE";
    }
    if (this.#concurrency !== null && this.#inFlight >= this.#inFlightMax) {
      this.retryAfterS = 1;
      if (!this.#concurrency.isEvaluated) {
        counts.count("concurrency_limit");
        return "CONCURRENCY_LIMITED";
      }
      counts.count("concurrency_limit.evaluated");
    }
    const waitMs = this.#limiter === null ? 0 : this.#limiter.take(nowMs);
    if (waitMs > 0) {
      this.retryAfterS = Math.max(1, Math.ceil(waitMs / 1000));
      if (!this.#rate!.isEvaluated) {
        counts.count("rate_limit");
        return "RATE_LIMITED";
      }
      counts.count("rate_limit.evaluated");
    }
    this.#inFlight++;
    return null;
  }

  leave(): void {
    this.#inFlight--;
  }

  /** True when a body of which so many bytes have come is larger than it may be. Counts it. */
  isTooLarge(bodyBytes: number, counts: LimitCounts): boolean {
    const { bodyBytesMax } = this.#limits;
    if (bodyBytesMax === null || bodyBytes <= bodyBytesMax) return false;
    counts.count("body_bytes");
    return true;
  }
}
