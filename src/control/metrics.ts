import type { GatewayTraffic, MirrorSample, ServiceSample } from "../core/gateway-report.ts";
import { addSamples } from "../core/meter/traffic-sum.ts";
import type { GatewayId, InstanceId, ServiceName } from "../core/names.ts";
import { addMirrorCounts } from "../core/traffic/mirror.ts";
import type { TrafficSecond } from "./control-plane.ts";
import { type Existing, TrafficTotals } from "./traffic-totals.ts";

/** Seconds of traffic that are kept. */
export const SECONDS_MAX = 300;
/**
 * Samples of services, instances and mirrors that are kept, all seconds together: 200 of them in each of 300 s. With more, fewer
 * seconds are kept. A sample with 50 different latencies takes about 1 KB, so this is 60 MB at most.
 */
export const SAMPLES_MAX = 60_000;

/** What is kept of one second, by service, and by service and target. */
interface Second {
  readonly samples: Map<ServiceName, ServiceSample>;
  readonly mirrors: Map<string, MirrorSample>;
}

/** The traffic of the last seconds, of all gateways together. A second of several gateways is one. */
export class Metrics {
  readonly totals = new TrafficTotals();
  /** By whole second; in order of first arrival, which gateways keep nearly by time. */
  readonly #seconds = new Map<number, Second>();
  #samples = 0;
  readonly #newest = new Map<GatewayId, GatewayTraffic>();

  /** What a gateway measured since its report before. */
  report(gateway: GatewayId, report: GatewayTraffic): void {
    this.#newest.set(gateway, report);
    this.totals.add(gateway, report);
    this.#add(report.atMs, report.samples, report.mirrors ?? []);
  }

  forgetGone(there: Existing, nowMs: number): void {
    this.totals.forgetGone(there, nowMs);
  }

  /** Nothing is in flight at gateways that are gone. */
  keepGateways(living: ReadonlySet<GatewayId>): void {
    for (const id of this.#newest.keys()) if (!living.has(id)) this.#newest.delete(id);
  }

  /** Requests in work by service and instance, all gateways together; only those above 0. */
  inFlight(): ReadonlyMap<ServiceName, ReadonlyMap<InstanceId, number>> {
    const all = new Map<ServiceName, Map<InstanceId, number>>();
    for (const { samples } of this.#newest.values()) {
      for (const { service, instances } of samples) {
        for (const { instance, inFlight } of instances) {
          if (inFlight === 0) continue;
          const counts = all.get(service) ?? new Map<InstanceId, number>();
          all.set(service, counts.set(instance, (counts.get(instance) ?? 0) + inFlight));
        }
      }
    }
    return all;
  }

  /** The newest `count` seconds in which a gateway reported, oldest first. */
  last(count: number): TrafficSecond[] {
    return [...this.#seconds]
      .sort(([a], [b]) => a - b)
      .slice(-Math.max(1, Math.min(count, SECONDS_MAX)))
      .map(([second, { samples, mirrors }]) => ({
        atMs: second * 1000,
        samples: [...samples.values()],
        mirrors: [...mirrors.values()],
      }));
  }

  #add(atMs: number, samples: readonly ServiceSample[], mirrors: readonly MirrorSample[]): void {
    const second = Math.floor(atMs / 1000);
    const merged: Second = this.#seconds.get(second) ?? { samples: new Map(), mirrors: new Map() };
    this.#seconds.set(second, merged);
    for (const sample of samples) {
      const before = merged.samples.get(sample.service);
      const now = before === undefined ? sample : addSamples(before, sample);
      merged.samples.set(sample.service, now);
      this.#samples += sizeOf(now) - (before === undefined ? 0 : sizeOf(before));
    }
    for (const mirror of mirrors) {
      const { service, target } = mirror;
      const key = `${service}>${target}`; // no name holds one
      const before = merged.mirrors.get(key);
      if (before === undefined) this.#samples += 1;
      const sum = before === undefined ? mirror : addMirrorCounts(before, mirror);
      merged.mirrors.set(key, { ...sum, service, target });
    }
    for (const [oldest, gone] of this.#seconds) {
      const isFull = this.#seconds.size > SECONDS_MAX || this.#samples > SAMPLES_MAX;
      if (!isFull || this.#seconds.size === 1) break;
      this.#seconds.delete(oldest);
      for (const sample of gone.samples.values()) this.#samples -= sizeOf(sample);
      this.#samples -= gone.mirrors.size;
    }
  }
}

const sizeOf = (sample: ServiceSample) => 1 + sample.instances.length;
