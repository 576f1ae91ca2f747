import type { TrafficCounts } from "../core/gateway-report.ts";
import { Histogram } from "../core/meter/histogram.ts";

/** Highest status that HTTP knows; counters have one place for each. */
const STATUS_MAX = 999;

/** What is counted for each value of a request apart. 10.7 KB. */
class Spread {
  readonly statuses = new Uint32Array(STATUS_MAX + 1);
  readonly latency = new Histogram();
}

/** Those that nobody uses now: all zero. */
const free: Spread[] = [];

/** So many are kept, 5 MB: as many as there are busy instances in a large installation. Others are made anew. */
const FREE_MAX = 512;

/**
 * Counts what one instance did since the last report, or what a service answered without one. Everything on the data path is
 * an addition to a number, and each request is recorded once: the whole of a service is added up when it is reported. Most instances of a large
 * table have nothing to do in most seconds, so a meter has room for statuses and latencies only from its first request to the next report.
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
  #spread: Spread | null = null;

  /** Counts one request that came to its end with `status` (499: the client left first) after `us` µs. */
  record(status: number, us: number): void {
    this.#requests++;
    this.#latencyUs += us;
    if (this.#spread === null) this.#spread = free.pop() ?? new Spread();
    this.#spread.statuses[status]! += 1;
    this.#spread.latency.record(us);
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
    const spread = this.#spread;
    const counts: TrafficCounts = {
      requests: this.#requests,
      statuses: spread === null ? {} : takeStatuses(spread.statuses, this.#requests),
      bytesIn: this.bytesIn,
      bytesOut: this.bytesOut,
      latency: spread === null ? [] : spread.latency.take(),
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
    if (spread !== null && free.length < FREE_MAX) free.push(spread);
    this.#spread = null;
    return counts;
  }
}

/** Those of so many requests, by status; none is left. */
function takeStatuses(counts: Uint32Array, requests: number): Record<string, number> {
  const statuses: Record<string, number> = {};
  let left = requests;
  for (let status = 0; left > 0 && status <= STATUS_MAX; status++) {
    const count = counts[status]!;
    if (count === 0) continue;
    statuses[status] = count;
    counts[status] = 0;
    left -= count;
  }
  return statuses;
}
