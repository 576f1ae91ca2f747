import type { ServiceSample } from "../core/gateway-report.ts";
import { Histogram } from "../core/meter/histogram.ts";
import type { ServiceName } from "../core/names.ts";
import { LimitCounts } from "./limit-counts.ts";

/** Highest status that HTTP knows; counters have one place for each. */
const STATUS_MAX = 999;

/** Counts what one service did since the last report. Everything on the data path is an addition to a number. */
export class ServiceMeter {
  /** Bytes from and to clients, heads included. */
  bytesIn = 0;
  bytesOut = 0;
  retries = 0;
  readonly limits = new LimitCounts();
  #requests = 0;
  readonly #statuses = new Uint32Array(STATUS_MAX + 1);
  readonly #latency = new Histogram();

  /** Counts one request that came to its end with `status` (499: the client left first) after `us` µs. */
  record(status: number, us: number): void {
    this.#requests++;
    this.#statuses[status]! += 1;
    this.#latency.record(us);
  }

  /** What was counted since the last call; null when nothing was. */
  take(service: ServiceName): ServiceSample | null {
    if (this.#requests + this.bytesIn + this.bytesOut + this.retries === 0 && this.limits.isEmpty)
      return null;
    const statuses: Record<string, number> = {};
    this.#statuses.forEach((count, status) => {
      if (count > 0) statuses[status] = count;
    });
    const sample: ServiceSample = {
      service,
      requests: this.#requests,
      statuses,
      bytesIn: this.bytesIn,
      bytesOut: this.bytesOut,
      latency: this.#latency.encode(),
      retries: this.retries,
      ...(this.limits.isEmpty ? {} : { limits: this.limits.take() }),
    };
    this.#requests = this.bytesIn = this.bytesOut = this.retries = 0;
    this.#statuses.fill(0);
    this.#latency.clear();
    return sample;
  }
}
