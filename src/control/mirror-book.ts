import type { MirrorSample } from "../core/gateway-report.ts";
import type { ServiceName } from "../core/names.ts";
import type { Change } from "../core/service.ts";
import {
  addMirrorCounts,
  DIFFERENCES_MAX,
  type MirrorDifference,
  type MirrorRule,
} from "../core/traffic/mirror.ts";

interface Page {
  readonly counts: Map<ServiceName, MirrorSample>;
  rule: MirrorRule;
  /** Newest last. */
  differences: MirrorDifference[];
}

/**
 * What gateways reported of mirrors, summed over all of them. In memory only: it begins anew with the control process, and with
 * each mirror that is created. It holds nothing of a service that is not mirrored.
 */
export class MirrorBook {
  readonly #pages = new Map<ServiceName, Page>();

  /** Takes what was committed: pages come and go with mirrors; samples that are no longer asked for are thrown away. */
  onCommitted(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind === "remove-service") this.#pages.delete(change.name);
      if (change.kind === "put-service") this.#turnTo(change.record.name, change.record.mirror ?? null);
    }
  }

  /** The mirrors of a life before this one. */
  adopt(services: Iterable<{ readonly name: ServiceName; readonly mirror?: MirrorRule | null }>): void {
    for (const { name, mirror } of services) this.#turnTo(name, mirror ?? null);
  }

  #turnTo(name: ServiceName, rule: MirrorRule | null): void {
    const page = this.#pages.get(name);
    if (rule === null) this.#pages.delete(name);
    else if (page === undefined) this.#pages.set(name, { counts: new Map(), rule, differences: [] });
    else {
      page.rule = rule;
      page.differences = newest(page.differences, rule);
      for (const target of page.counts.keys()) if (!rule.targets.includes(target)) page.counts.delete(target);
    }
  }

  /** One report of one gateway. Reports on mirrors that are no more are late, and left out. */
  add(samples: readonly MirrorSample[], differences: readonly MirrorDifference[]): void {
    for (const sample of samples) {
      const page = this.#pages.get(sample.service);
      if (!page?.rule.targets.includes(sample.target)) continue;
      const before = page.counts.get(sample.target);
      const { service, target } = sample;
      const sum = before === undefined ? sample : addMirrorCounts(before, sample);
      page.counts.set(target, { ...sum, service, target });
    }
    for (const difference of differences) {
      const page = this.#pages.get(difference.service);
      if (page !== undefined) page.differences = newest([...page.differences, difference], page.rule);
    }
  }

  counts(name: ServiceName): readonly MirrorSample[] {
    return [...(this.#pages.get(name)?.counts.values() ?? [])].sort((a, b) => (a.target < b.target ? -1 : 1));
  }

  /** Newest first. */
  differences(name: ServiceName): readonly MirrorDifference[] {
    return this.#pages.get(name)?.differences.toReversed() ?? [];
  }
}

function newest(differences: MirrorDifference[], rule: MirrorRule): MirrorDifference[] {
  const count = Math.min(rule.compare?.sampleCount ?? 0, DIFFERENCES_MAX);
  return count === 0 ? [] : differences.toSorted((a, b) => a.atMs - b.atMs).slice(-count);
}
