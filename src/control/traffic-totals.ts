import type { GatewayTraffic, ServiceSample, TrafficCounts } from "../core/gateway-report.ts";
import { addDurations, DURATION_ENDS_S } from "../core/meter/duration-buckets.ts";
import { addByName } from "../core/meter/traffic-sum.ts";
import type { GatewayId, InstanceId, ServiceName } from "../core/names.ts";
import { MirrorTotals } from "./mirror-totals.ts";

/** Instances, living and gone, whose totals are kept; beyond it those go that were silent for longest. A total takes about 0.5 KB. */
export const INSTANCES_MAX = 10_000;
/** An instance that is gone is remembered so long: a scraper that comes every minute sees its last count. */
export const GONE_KEPT_MS = 300_000;
/** Different statuses that are told apart for one instance; models invent some, and each one is a series at whoever scrapes. */
const STATUSES_MAX = 32;
/** Stands for all further ones. */
const OTHER = "other";
/** Requests that came to no instance stand under this name, which none can have. Not an empty one: Prometheus would put its target's there. */
export const NO_INSTANCE = "none" as InstanceId;

/** What one instance did since this process began. */
export interface InstanceTotals {
  readonly statuses: Map<string, number>;
  bytesIn: number;
  bytesOut: number;
  retries: number;
  ejections: number;
  queued: number;
  queueUs: number;
  lastMs: number;
}

/** What one service did since this process began. */
export interface ServiceTotals {
  readonly instances: Map<InstanceId, InstanceTotals>;
  /** By the buckets of DURATION_ENDS_S, each value in one. */
  readonly durations: Float64Array;
  durationUs: number;
  grouped: number;
  /** Requests that each limit of the service met, by its name; `….evaluated` were let through. */
  limits: Readonly<Record<string, number>>;
}

/** What one gateway used and told; its process may be another by now. */
export interface GatewayTotals {
  unrouted: number;
  cpuUs: number;
  rssBytes: number;
  logWritten: number;
  logDropped: number;
  /** Connections and requests that each limit of the worker itself met. */
  limits: Readonly<Record<string, number>>;
  /** As the process of now last said. */
  processCpuUs: number;
}

/** What there is now, so that its totals are kept. */
export interface Existing {
  readonly isInstance: (service: ServiceName, instance: InstanceId) => boolean;
  readonly isMirror: (service: ServiceName, target: ServiceName) => boolean;
}

/**
 * Counts that only grow, for whoever reads them now and then. Gateways report what happened since the report before, so an end of one
 * takes nothing back. Memory is bounded by INSTANCES_MAX.
 */
export class TrafficTotals {
  readonly services = new Map<ServiceName, ServiceTotals>();
  readonly gateways = new Map<GatewayId, GatewayTotals>();
  readonly mirrors = new MirrorTotals();
  #instances = 0;

  add(gateway: GatewayId, report: GatewayTraffic): void {
    this.#addGateway(gateway, report);
    for (const sample of report.samples) this.#addSample(sample, report.atMs);
    this.mirrors.add(report.mirrors ?? [], report.atMs);
    if (this.#instances > INSTANCES_MAX) this.#forgetOldest();
  }

  /** Lets go of instances and mirrors that are not there any more, and were not heard of for GONE_KEPT_MS. */
  forgetGone(there: Existing, nowMs: number): void {
    const isNews = ({ lastMs }: { readonly lastMs: number }) => nowMs - lastMs < GONE_KEPT_MS;
    this.#keepIf((service, instance, totals) => there.isInstance(service, instance) || isNews(totals));
    this.mirrors.keepIf((total) => there.isMirror(total.service, total.target) || isNews(total));
  }

  #addGateway(id: GatewayId, { unrouted, process, accessLog, limits }: GatewayTraffic): void {
    let totals = this.gateways.get(id);
    if (totals === undefined) {
      totals = {
        unrouted: 0,
        cpuUs: 0,
        rssBytes: 0,
        logWritten: 0,
        logDropped: 0,
        limits: {},
        processCpuUs: 0,
      };
      this.gateways.set(id, totals);
    }
    totals.unrouted += unrouted;
    totals.rssBytes = process.rssBytes;
    // A smaller number than before is that of a new process, which began at 0.
    totals.cpuUs += process.cpuUs - (process.cpuUs < totals.processCpuUs ? 0 : totals.processCpuUs);
    totals.processCpuUs = process.cpuUs;
    totals.logWritten += accessLog.written;
    totals.logDropped += accessLog.dropped;
    if (limits !== undefined) totals.limits = addByName(totals.limits, limits);
  }

  #addSample(sample: ServiceSample, atMs: number): void {
    const totals = this.#service(sample.service);
    addDurations(totals.durations, sample.latency);
    totals.durationUs += sample.latencyUs;
    totals.grouped += sample.grouped;
    if (sample.limits !== undefined) {
      totals.limits = addByName(totals.limits, sample.limits);
      this.#instance(totals, NO_INSTANCE).lastMs = atMs; // a service is kept as long as one of these
    }
    const rest: Record<string, number> = { ...sample.statuses };
    let { bytesIn, bytesOut } = sample;
    for (const part of sample.instances) {
      this.#addCounts(this.#instance(totals, part.instance), part, part.statuses, atMs);
      for (const status in part.statuses) rest[status] = (rest[status] ?? 0) - part.statuses[status]!;
      bytesIn -= part.bytesIn;
      bytesOut -= part.bytesOut;
    }
    if (bytesIn + bytesOut === 0 && !Object.values(rest).some((count) => count > 0)) return;
    const none = { bytesIn, bytesOut, retries: 0, ejections: 0, queued: 0, queueUs: 0 };
    this.#addCounts(this.#instance(totals, NO_INSTANCE), none, rest, atMs);
  }

  #addCounts(
    totals: InstanceTotals,
    counts: Pick<TrafficCounts, "bytesIn" | "bytesOut" | "retries" | "ejections" | "queued" | "queueUs">,
    statuses: Readonly<Record<string, number>>,
    atMs: number,
  ): void {
    for (const status in statuses) {
      const count = statuses[status]!;
      if (count === 0) continue;
      const isRoom = totals.statuses.has(status) || totals.statuses.size < STATUSES_MAX;
      const name = isRoom ? status : OTHER;
      totals.statuses.set(name, (totals.statuses.get(name) ?? 0) + count);
    }
    totals.bytesIn += counts.bytesIn;
    totals.bytesOut += counts.bytesOut;
    totals.retries += counts.retries;
    totals.ejections += counts.ejections;
    totals.queued += counts.queued;
    totals.queueUs += counts.queueUs;
    totals.lastMs = Math.max(totals.lastMs, atMs);
  }

  #service(name: ServiceName): ServiceTotals {
    let totals = this.services.get(name);
    if (totals === undefined) {
      const durations = new Float64Array(DURATION_ENDS_S.length + 1);
      totals = { instances: new Map(), durations, durationUs: 0, grouped: 0, limits: {} };
      this.services.set(name, totals);
    }
    return totals;
  }

  #instance(service: ServiceTotals, id: InstanceId): InstanceTotals {
    let totals = service.instances.get(id);
    if (totals === undefined) {
      totals = {
        statuses: new Map(),
        bytesIn: 0,
        bytesOut: 0,
        retries: 0,
        ejections: 0,
        queued: 0,
        queueUs: 0,
        lastMs: 0,
      };
      service.instances.set(id, totals);
      this.#instances += 1;
    }
    return totals;
  }

  /** A tenth at once, so that the search for them is paid rarely. */
  #forgetOldest(): void {
    const all = [...this.services.values()].flatMap((service) =>
      [...service.instances].map(([id, { lastMs }]) => ({ service, id, lastMs })),
    );
    all.sort((a, b) => a.lastMs - b.lastMs);
    for (const { service, id } of all.slice(0, INSTANCES_MAX / 10)) service.instances.delete(id);
    this.#keepIf(() => true);
  }

  #keepIf(isKept: (service: ServiceName, instance: InstanceId, totals: InstanceTotals) => boolean): void {
    this.#instances = 0;
    for (const [name, service] of this.services) {
      for (const [id, totals] of service.instances)
        if (!isKept(name, id, totals)) service.instances.delete(id);
      this.#instances += service.instances.size;
      if (service.instances.size === 0) this.services.delete(name);
    }
  }
}
