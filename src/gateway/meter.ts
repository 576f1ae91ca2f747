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
    const { statuses, latency } = this.#room();
    statuses[status]! += 1;
    latency.record(us);
  }

  #room(): Spread {
    if (this.#spread === null) this.#spread = free.pop() ?? new Spread();
    return this.#spread;
  }

  /** A request waited for `us` µs in the engine's queue. */
  recordQueue(us: number): void {
    this.#queued++;
    this.#queueUs += us;
    if (us > this.#queueUsMax) this.#queueUsMax = us;
  }

  /** Nothing was counted since the last `takeText`. */
  get isEmpty(): boolean {
    return this.#requests + this.bytesIn + this.bytesOut + this.retries + this.ejections + this.#queued === 0;
  }

  /**
   * What was counted, as the fields of a `TrafficCounts` in JSON without its braces; from then on nothing was, but `sum` has counted it. Written without
   * objects: one with a status as its key takes 2.5 KB.
   */
  takeText(inFlight: number, sum: Meter | null): string {
    const spread = this.#spread;
    let [statuses, latency] = ["", ""];
    if (spread !== null) {
      const whole = sum === null ? null : sum.#room();
      const pairs = spread.latency.take();
      whole?.latency.merge(pairs);
      latency = pairs.join(",");
      statuses = takeStatuses(spread.statuses, this.#requests, whole?.statuses ?? null);
      if (free.length < FREE_MAX) free.push(spread);
      this.#spread = null;
    }
    const text =
      `"requests":${this.#requests},"statuses":{${statuses}},"bytesIn":${this.bytesIn},"bytesOut":${this.bytesOut},` +
      `"latency":[${latency}],"latencyUs":${Math.round(this.#latencyUs)},"retries":${this.retries},` +
      `"ejections":${this.ejections},"queued":${this.#queued},"queueUs":${this.#queueUs},` +
      `"queueUsMax":${this.#queueUsMax},"inFlight":${inFlight}`;
    if (sum !== null) this.#addNumbersTo(sum);
    this.#requests = this.bytesIn = this.bytesOut = this.retries = this.ejections = 0;
    this.#latencyUs = this.#queued = this.#queueUs = this.#queueUsMax = 0;
    return text;
  }

  #addNumbersTo(sum: Meter): void {
    sum.bytesIn += this.bytesIn;
    sum.bytesOut += this.bytesOut;
    sum.retries += this.retries;
    sum.ejections += this.ejections;
    sum.#requests += this.#requests;
    sum.#latencyUs += this.#latencyUs;
    sum.#queued += this.#queued;
    sum.#queueUs += this.#queueUs;
    if (this.#queueUsMax > sum.#queueUsMax) sum.#queueUsMax = this.#queueUsMax;
  }
}

/** Those of so many requests, by status, as the fields of an object; none is left, but in `sum`. */
function takeStatuses(counts: Uint32Array, requests: number, sum: Uint32Array | null): string {
  let text = "";
  let left = requests;
  for (let status = 0; left > 0 && status <= STATUS_MAX; status++) {
    const count = counts[status]!;
    if (count === 0) continue;
    text += `${text === "" ? "" : ","}"${status}":${count}`;
    counts[status] = 0;
    if (sum !== null) sum[status]! += count;
    left -= count;
  }
  return text;
}
