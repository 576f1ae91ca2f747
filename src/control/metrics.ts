import type { ServiceSample } from "../core/gateway-report.ts";
import type { ServiceName } from "../core/names.ts";

/** Seconds of traffic that are kept. */
export const SECONDS_MAX = 300;

export interface Second {
  readonly atMs: number;
  readonly samples: readonly ServiceSample[];
}

/** The traffic of the last seconds, of all gateways together. A second of several gateways is one. */
export class Metrics {
  /** By whole second; in order of first arrival, which gateways keep nearly by time. */
  readonly #seconds = new Map<number, Map<ServiceName, ServiceSample>>();

  add(atMs: number, samples: readonly ServiceSample[]): void {
    const second = Math.floor(atMs / 1000);
    let merged = this.#seconds.get(second);
    if (merged === undefined) {
      merged = new Map();
      this.#seconds.set(second, merged);
      const oldest = this.#seconds.keys().next().value;
      if (this.#seconds.size > SECONDS_MAX && oldest !== undefined) this.#seconds.delete(oldest);
    }
    for (const sample of samples) {
      const before = merged.get(sample.service);
      merged.set(sample.service, before === undefined ? sample : add(before, sample));
    }
  }

  /** The newest `count` seconds in which a gateway reported, oldest first. */
  last(count: number): Second[] {
    return [...this.#seconds]
      .sort(([a], [b]) => a - b)
      .slice(-Math.max(1, Math.min(count, SECONDS_MAX)))
      .map(([second, samples]) => ({ atMs: second * 1000, samples: [...samples.values()] }));
  }
}

function add(a: ServiceSample, b: ServiceSample): ServiceSample {
  const latency = new Map(a.latency);
  for (const [bucket, n] of b.latency) latency.set(bucket, (latency.get(bucket) ?? 0) + n);
  return {
    service: a.service,
    requests: a.requests + b.requests,
    statuses: addCounts(a.statuses, b.statuses),
    bytesIn: a.bytesIn + b.bytesIn,
    bytesOut: a.bytesOut + b.bytesOut,
    latency: [...latency].sort(([x], [y]) => x - y),
    retries: a.retries + b.retries,
    ...(a.limits === undefined && b.limits === undefined
      ? {}
      : { limits: addCounts(a.limits ?? {}, b.limits ?? {}) }),
  };
}

/** Sums of counts by name. */
export function addCounts(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  const sum: Record<string, number> = { ...a };
  for (const [name, n] of Object.entries(b)) sum[name] = (sum[name] ?? 0) + n;
  return sum;
}
