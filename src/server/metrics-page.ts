import type { GatewayReport, LoopReport, Measured, Picture } from "../control/control-plane.ts";
import type { InstanceTotals } from "../control/traffic-totals.ts";
import type { WorkerMemory } from "../core/instance-spec.ts";
import { BATCH_ENDS, type InstanceWork } from "../core/instance-work.ts";
import { DURATION_ENDS_S } from "../core/meter/duration-buckets.ts";
import type { ServiceName } from "../core/names.ts";
import type { InstanceStatus, ServiceRecord } from "../core/service.ts";
import type { StageTime } from "../core/start-stages.ts";
import type { AccessCounts } from "./access.ts";
import { Exposition, labels } from "./exposition.ts";
import { METRICS, type Metric } from "./metric-table.ts";
import { writeMirrors } from "./mirror-metrics.ts";

/** All that the page is made of, read at one moment. */
export interface MetricsSource {
  readonly picture: Picture;
  readonly measured: Measured;
  readonly work: readonly InstanceWork[];
  readonly gateways: readonly GatewayReport[];
  readonly loops: readonly LoopReport[];
  /** Requests to the control API that were not let in; null: not told. */
  readonly access: AccessCounts | null;
  /** Of the control process; times in seconds. */
  readonly process: { readonly cpuS: number; readonly rssBytes: number; readonly startS: number };
}

/** The text of `GET /metrics`. */
export function metricsPage(source: MetricsSource): string {
  const out = new Exposition();
  writeTraffic(out, source);
  writeMirrors(out, source.measured.totals.mirrors);
  writeInstances(out, source.picture);
  writeStarts(out, source.picture);
  writeGateways(out, source);
  out.begin(METRICS.loopLastRun);
  for (const { name, lastRunAtMs } of source.loops)
    out.sample(METRICS.loopLastRun, labels(METRICS.loopLastRun, [name]), (lastRunAtMs ?? 0) / 1000);
  out.begin(METRICS.apiRefused);
  for (const [reason, count] of Object.entries(source.access ?? {}))
    out.sample(METRICS.apiRefused, labels(METRICS.apiRefused, [reason]), count);
  const { cpuS, rssBytes, startS } = source.process;
  single(out, METRICS.cpu, cpuS);
  single(out, METRICS.memory, rssBytes);
  single(out, METRICS.startTime, startS);
  return out.text();
}

function single(out: Exposition, metric: Metric, value: number): void {
  out.begin(metric);
  out.sample(metric, "", value);
}

function writeTraffic(out: Exposition, source: MetricsSource): void {
  const { picture, measured } = source;
  const { services } = measured.totals;
  const each = (metric: Metric, write: (totals: InstanceTotals, labelText: string) => void) => {
    out.begin(metric);
    for (const [service, { instances }] of services)
      for (const [id, totals] of instances) write(totals, labels(metric, [service, id, ""]));
  };
  const count = (metric: Metric, value: (totals: InstanceTotals) => number) =>
    each(metric, (totals, text) => out.sample(metric, text, value(totals)));

  out.begin(METRICS.requests);
  for (const [service, { instances }] of services) {
    for (const [id, { statuses }] of instances)
      for (const [status, n] of statuses)
        out.sample(METRICS.requests, labels(METRICS.requests, [service, id, status]), n);
  }
  out.begin(METRICS.duration);
  for (const [service, { durations, durationUs }] of services) {
    const own = labels(METRICS.duration, [service]);
    let sum = 0;
    DURATION_ENDS_S.forEach((end, i) => {
      sum += durations[i]!;
      out.sample(METRICS.duration, `${own},le="${end}"`, sum, "_bucket");
    });
    sum += durations[DURATION_ENDS_S.length]!;
    out.sample(METRICS.duration, `${own},le="+Inf"`, sum, "_bucket");
    out.sample(METRICS.duration, own, durationUs / 1e6, "_sum");
    out.sample(METRICS.duration, own, sum, "_count");
  }
  out.begin(METRICS.grouped);
  for (const [service, { grouped }] of services) {
    const group = picture.state.services.get(service)?.group ?? null;
    if (group !== null) out.sample(METRICS.grouped, labels(METRICS.grouped, [service, group]), grouped);
  }
  count(METRICS.bytesIn, (t) => t.bytesIn);
  count(METRICS.bytesOut, (t) => t.bytesOut);
  count(METRICS.retries, (t) => t.retries);
  count(METRICS.ejections, (t) => t.ejections);
  writeLimits(out, measured);
  each(METRICS.queue, ({ queued, queueUs }, text) => {
    out.sample(METRICS.queue, text, queueUs / 1e6, "_sum");
    out.sample(METRICS.queue, text, queued, "_count");
  });
  writeWork(out, source);
  out.begin(METRICS.inFlight);
  const inFlight = measured.inFlight();
  for (const [service, { instances }] of picture.statuses) {
    for (const { id } of instances) {
      const text = labels(METRICS.inFlight, [service, id]);
      out.sample(METRICS.inFlight, text, inFlight.get(service)?.get(id) ?? 0);
    }
  }
}

/** What engines tell, of the instances that there are. */
function writeWork(out: Exposition, { picture, work }: MetricsSource): void {
  const byId = new Map(work.map((of) => [of.instance, of]));
  const each = (metric: Metric, write: (of: InstanceWork, labelText: string) => void) => {
    out.begin(metric);
    for (const [service, { instances }] of picture.statuses) {
      for (const { id } of instances) {
        const of = byId.get(id);
        if (of !== undefined) write(of, labels(metric, [service, id]));
      }
    }
  };
  each(METRICS.compute, ({ computed, computeUs }, text) => {
    out.sample(METRICS.compute, text, computeUs / 1e6, "_sum");
    out.sample(METRICS.compute, text, computed, "_count");
  });
  each(METRICS.batches, ({ batches, batchedRequests }, text) => {
    if (batches === undefined) return;
    let sum = 0;
    BATCH_ENDS.forEach((end, i) => {
      sum += batches[i]!;
      out.sample(METRICS.batches, `${text},le="${end}"`, sum, "_bucket");
    });
    out.sample(METRICS.batches, `${text},le="+Inf"`, sum, "_bucket");
    out.sample(METRICS.batches, text, batchedRequests!, "_sum");
    out.sample(METRICS.batches, text, sum, "_count");
  });
}

/** Marks what was only counted in the names of limits (core/gateway-report.ts). */
const EVALUATED = ".evaluated";

function writeLimits(out: Exposition, { totals }: Measured): void {
  out.begin(METRICS.limited);
  for (const [service, { limits }] of totals.services) {
    for (const [name, n] of Object.entries(limits)) {
      const isEvaluated = name.endsWith(EVALUATED);
      const limit = isEvaluated ? name.slice(0, -EVALUATED.length) : name;
      const outcome = isEvaluated ? "evaluated" : "refused";
      out.sample(METRICS.limited, labels(METRICS.limited, [service, limit, outcome]), n);
    }
  }
}

function writeInstances(out: Exposition, { state, statuses }: Picture): void {
  out.begin(METRICS.instances);
  for (const [service, { instances }] of statuses) {
    // A service that has none ready says so with a 0, so that an alert has something to look at.
    const counts = new Map<string, number>([["ready", 0]]);
    for (const instance of instances) {
      const name = stateOf(instance);
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    for (const [name, n] of counts)
      out.sample(METRICS.instances, labels(METRICS.instances, [service, name]), n);
  }
  out.begin(METRICS.instancesWanted);
  for (const [service, record] of state.services)
    out.sample(METRICS.instancesWanted, labels(METRICS.instancesWanted, [service]), wanted(record));
}

/** How they started, and what memory their workers have; in the order of the table of metrics. */
function writeStarts(out: Exposition, { statuses }: Picture): void {
  const stages = (metric: Metric, names: readonly string[], all: readonly StageTime[]) => {
    for (const { name, ms } of all) out.sample(metric, labels(metric, [...names, name]), ms / 1000);
  };
  out.begin(METRICS.prepareTime);
  for (const [service, { prepared }] of statuses)
    stages(METRICS.prepareTime, [service], prepared?.stages ?? []);
  const each = (metric: Metric, write: (instance: InstanceStatus, service: ServiceName) => void) => {
    out.begin(metric);
    for (const [service, { instances }] of statuses) for (const i of instances) write(i, service);
  };
  each(METRICS.startTimes, (i, service) => stages(METRICS.startTimes, [service, i.id], i.stages ?? []));
  const memory = (metric: Metric, value: (memory: WorkerMemory) => number) =>
    each(metric, (i, service) => {
      if (i.memory) out.sample(metric, labels(metric, [service, i.id]), value(i.memory));
    });
  memory(METRICS.workerMemory, ({ bytes }) => bytes);
  memory(METRICS.memoryGrowth, ({ growth }) => growth?.bytesPerThousand ?? 0);
}

function stateOf({ isReady, phase }: InstanceStatus): string {
  return isReady && phase === "Running" ? "ready" : phase.toLowerCase();
}

function wanted(record: ServiceRecord): number {
  const { metadata } = record.document as { metadata?: { instance?: unknown } };
  return record.desired === "running" && typeof metadata?.instance === "number" ? metadata.instance : 0;
}

function writeGateways(out: Exposition, { gateways, measured }: MetricsSource): void {
  const each = (metric: Metric, value: (gateway: GatewayReport) => number) => {
    out.begin(metric);
    for (const gateway of gateways) out.sample(metric, labels(metric, [gateway.id]), value(gateway));
  };
  each(METRICS.connections, (g) => g.connections);
  each(METRICS.listening, (g) => (g.isListening ? 1 : 0));
  out.begin(METRICS.certificateEnd);
  for (const { id, tls } of gateways) {
    const notAfterMs = tls?.certificate?.notAfterMs;
    if (notAfterMs !== undefined)
      out.sample(METRICS.certificateEnd, labels(METRICS.certificateEnd, [id]), notAfterMs / 1000);
  }
  each(METRICS.tableNumber, (g) => g.tableNumber);
  const totals = [...measured.totals.gateways];
  const count = (metric: Metric, value: (of: (typeof totals)[number][1]) => number) => {
    out.begin(metric);
    for (const [id, of] of totals) out.sample(metric, labels(metric, [id]), value(of));
  };
  count(METRICS.unrouted, (g) => g.unrouted);
  out.begin(METRICS.gatewayLimited);
  for (const [id, { limits }] of totals)
    for (const [limit, n] of Object.entries(limits))
      out.sample(METRICS.gatewayLimited, labels(METRICS.gatewayLimited, [id, limit]), n);
  count(METRICS.gatewayCpu, (g) => g.cpuUs / 1e6);
  count(METRICS.gatewayMemory, (g) => g.rssBytes);
  count(METRICS.logWritten, (g) => g.logWritten);
  count(METRICS.logDropped, (g) => g.logDropped);
}
