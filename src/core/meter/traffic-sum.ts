import type { InstanceSample, ServiceSample, TrafficCounts } from "../gateway-report.ts";
import { mergeSparse } from "./histogram.ts";

/** Nothing happened. */
export const NO_TRAFFIC: TrafficCounts = {
  requests: 0,
  statuses: {},
  bytesIn: 0,
  bytesOut: 0,
  latency: [],
  latencyUs: 0,
  retries: 0,
  ejections: 0,
  queued: 0,
  queueUs: 0,
  queueUsMax: 0,
  inFlight: 0,
};

/** Both together, as if one had counted them. */
export function addCounts(a: TrafficCounts, b: TrafficCounts): TrafficCounts {
  return {
    requests: a.requests + b.requests,
    statuses: addByName(a.statuses, b.statuses),
    bytesIn: a.bytesIn + b.bytesIn,
    bytesOut: a.bytesOut + b.bytesOut,
    latency: a.latency.length === 0 ? b.latency : mergeSparse(a.latency, b.latency),
    latencyUs: a.latencyUs + b.latencyUs,
    retries: a.retries + b.retries,
    ejections: a.ejections + b.ejections,
    queued: a.queued + b.queued,
    queueUs: a.queueUs + b.queueUs,
    queueUsMax: Math.max(a.queueUsMax, b.queueUsMax),
    inFlight: a.inFlight + b.inFlight,
  };
}

/** Sums of counts by name. */
export function addByName(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  const sum: Record<string, number> = { ...a };
  for (const name in b) sum[name] = (sum[name] ?? 0) + b[name]!;
  return sum;
}

/** One service as two gateways saw it. */
export function addSamples(a: ServiceSample, b: ServiceSample): ServiceSample {
  const instances = new Map<string, InstanceSample>(a.instances.map((i) => [i.instance, i]));
  for (const sample of b.instances) {
    const before = instances.get(sample.instance);
    const { instance } = sample;
    instances.set(instance, before === undefined ? sample : { instance, ...addCounts(before, sample) });
  }
  return {
    service: a.service,
    grouped: a.grouped + b.grouped,
    ...(a.limits === undefined && b.limits === undefined
      ? {}
      : { limits: addByName(a.limits ?? {}, b.limits ?? {}) }),
    instances: [...instances.values()],
    ...addCounts(a, b),
  };
}
