import type { ResponseOf } from "../api/operations.ts";
import type { TrafficSecond } from "../control/control-plane.ts";
import { Histogram } from "../core/meter/histogram.ts";

type Second = ResponseOf<"DescribeTraffic">["Traffic"][number];

/** One second of traffic, with the percentiles that people ask for beside the histogram they come from. */
export function trafficView(second: TrafficSecond): Second {
  return {
    AtMs: second.atMs,
    Samples: second.samples.map((sample) => {
      const histogram = new Histogram();
      histogram.merge(sample.latency);
      return {
        ServiceName: sample.service,
        Requests: sample.requests,
        Statuses: { ...sample.statuses },
        BytesIn: sample.bytesIn,
        BytesOut: sample.bytesOut,
        Retries: sample.retries,
        Limits: { ...sample.limits },
        P50Us: histogram.percentile(0.5),
        P99Us: histogram.percentile(0.99),
        Latency: sample.latency.map(([bucket, count]): [number, number] => [bucket, count]),
      };
    }),
  };
}
