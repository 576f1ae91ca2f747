import type { TrafficCounts } from "../core/gateway-report.ts";
import { Histogram } from "../core/meter/histogram.ts";

/** Highest status that HTTP knows; counters have one place for each. */
const STATUS_MAX = 999;

/**
 * Counts what one instance did since the last report, or what a service answered without one. Everything on the data path is
 * an addition to a number, and each request is recorded once: the whole of a service is added up when it is reported. 10.7 KB.
 */
export class Meter {
  /** Bytes from and to clients, heads included. */
  bytesIn = 0;
  bytesOut = 0;
  /** Requests taken from here to another try. */
  retries = 0;
  /** Times that it was set aside because it could not be reached. */
  ejections = 0;
  #requests = 0;
  #latencyUs = 0;
  #queued = 0;
  #queueUs = 0;
  #queueUsMax = 0;
  readonly #statuses = new Uint32Array(STATUS_MAX + 1);
  readonly #latency = new Histogram();

  /** Counts one request that came to its end with `status` (499: the client left first) after `us` µs. */
  record(status: number, us: number): void {
    this.#requests++;
    this.#statuses[status]! += 1;
    this.#latencyUs += us;
    this.#latency.record(us);
  }

  /** A request waited for `us` µs in the engine's queue. */
  recordQueue(us: number): void {
    this.#queued++;
    this.#queueUs += us;
    if (us > this.#queueUsMax) this.#queueUsMax = us;
  }

  /** What was counted since the last call; null when nothing was and nothing is in flight. */
  take(inFlight: number): TrafficCounts | null {
    const sum =
      this.#requests + this.bytesIn + this.bytesOut + this.retries + this.ejections + this.#queued + inFlight;
    if (sum === 0) return null;
    const statuses: Record<string, number> = {};
    let left = this.#requests;
    for (let status = 0; left > 0 && status <= STATUS_MAX; status++) {
      const count = this.#statuses[status]!;
      if (count === 0) continue;
      statuses[status] = count;
      this.#statuses[status] = 0;
      left -= count;
    }
    const counts: TrafficCounts = {
      requests: this.#requests,
      statuses,
      bytesIn: this.bytesIn,
      bytesOut: this.bytesOut,
      latency: this.#latency.take(),
      latencyUs: Math.round(this.#latencyUs),
      retries: this.retries,
      ejections: this.ejections,
      queued: this.#queued,
      queueUs: this.#queueUs,
      queueUsMax: this.#queueUsMax,
      inFlight,
    };
    this.#requests = this.bytesIn = this.bytesOut = this.retries = this.ejections = 0;
    this.#latencyUs = this.#queued = this.#queueUs = this.#queueUsMax = 0;
    return counts;
  }
}
