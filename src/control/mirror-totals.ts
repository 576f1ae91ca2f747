import type { MirrorSample } from "../core/gateway-report.ts";
import type { ServiceName } from "../core/names.ts";
import { addMirrorCounts, type MirrorCounts, NO_MIRROR_COUNTS } from "../core/traffic/mirror.ts";

/** Pairs of service and target whose totals are kept; beyond it those go that were silent for longest. A total takes about 0.3 KB. */
export const MIRRORS_MAX = 4_000;

/** What became of the copies from one service to one target since this process began. */
export interface MirrorTotal {
  readonly service: ServiceName;
  readonly target: ServiceName;
  readonly counts: MirrorCounts;
  readonly lastMs: number;
}

/**
 * Counts of copies that only grow: unlike those of the mirror book, which begin anew with each mirror, as people who try a mirror twice
 * want them. Memory is bounded by MIRRORS_MAX.
 */
export class MirrorTotals {
  /** By both names; service names hold no `>`. */
  readonly #totals = new Map<string, MirrorTotal>();

  add(samples: readonly MirrorSample[], atMs: number): void {
    for (const sample of samples) {
      const { service, target } = sample;
      const key = `${service}>${target}`;
      const before = this.#totals.get(key);
      const counts = addMirrorCounts(before?.counts ?? NO_MIRROR_COUNTS, sample);
      this.#totals.set(key, { service, target, counts, lastMs: Math.max(before?.lastMs ?? 0, atMs) });
    }
    if (this.#totals.size > MIRRORS_MAX) this.#forgetOldest();
  }

  all(): Iterable<MirrorTotal> {
    return this.#totals.values();
  }

  keepIf(isKept: (total: MirrorTotal) => boolean): void {
    for (const [key, total] of this.#totals) if (!isKept(total)) this.#totals.delete(key);
  }

  /** A tenth at once, so that the search for them is paid rarely. */
  #forgetOldest(): void {
    const byAge = [...this.#totals].sort(([, a], [, b]) => a.lastMs - b.lastMs);
    for (const [key] of byAge.slice(0, MIRRORS_MAX / 10)) this.#totals.delete(key);
  }
}
