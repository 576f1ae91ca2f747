import type { ResponseOf } from "../api/operations.ts";
import type { TrafficSecond } from "../control/control-plane.ts";
import type { TrafficCounts } from "../core/gateway-report.ts";
import { percentiles } from "../core/meter/histogram.ts";
import type { GroupName, ServiceName } from "../core/names.ts";
import { mirrorCountsView } from "./mirror-view.ts";

type Second = ResponseOf<"DescribeTraffic">["Traffic"][number];

export interface TrafficViewOptions {
  /** Only this one; null: all. */
  readonly service: string | null;
  readonly withInstances: boolean;
  readonly groupOf: (service: ServiceName) => GroupName | null;
}

/** One second of traffic, with the percentiles that people ask for (eas-reference §6.7) beside the histogram they come from. */
export function trafficView(second: TrafficSecond, options: TrafficViewOptions): Second {
  const samples = second.samples.filter((s) => options.service === null || s.service === options.service);
  return {
    AtMs: second.atMs,
    Samples: samples.map((sample) => ({
      ServiceName: sample.service,
      ...countsView(sample),
      GroupName: options.groupOf(sample.service),
      GroupedRequests: sample.grouped,
      Limits: { ...sample.limits },
      ...(options.withInstances
        ? { Instances: sample.instances.map((i) => ({ InstanceName: i.instance, ...countsView(i) })) }
        : {}),
    })),
    Mirrors: second.mirrors
      .filter((m) => options.service === null || m.service === options.service)
      .map((mirror) => ({ ServiceName: mirror.service, ...mirrorCountsView(mirror) })),
  };
}

const SHARES = [0.05, 0.5, 0.8, 0.9, 0.95, 0.99, 1];

function countsView(counts: TrafficCounts) {
  const [P5Us, P50Us, P80Us, P90Us, P95Us, P99Us, P100Us] = percentiles(counts.latency, SHARES) as [
    number | null,
    number | null,
    number | null,
    number | null,
    number | null,
    number | null,
    number | null,
  ];
  return {
    Requests: counts.requests,
    Statuses: { ...counts.statuses },
    BytesIn: counts.bytesIn,
    BytesOut: counts.bytesOut,
    Retries: counts.retries,
    Ejections: counts.ejections,
    InFlight: counts.inFlight,
    MeanUs: counts.requests === 0 ? null : Math.round(counts.latencyUs / counts.requests),
    P5Us,
    P50Us,
    P80Us,
    P90Us,
    P95Us,
    P99Us,
    P100Us,
    Latency: pairsOf(counts.latency),
    Queued: counts.queued,
    QueueMeanUs: counts.queued === 0 ? null : Math.round(counts.queueUs / counts.queued),
    QueueMaxUs: counts.queueUsMax,
  };
}

function pairsOf(histogram: readonly number[]): [bucket: number, count: number][] {
  const pairs: [number, number][] = [];
  for (let i = 0; i < histogram.length; i += 2) pairs.push([histogram[i]!, histogram[i + 1]!]);
  return pairs;
}
