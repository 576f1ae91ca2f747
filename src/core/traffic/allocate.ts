import type { ServiceName } from "../names.ts";
import type { TrafficMode, TrafficState } from "../service.ts";

/** One member of a group, in what its share depends on. */
export interface Member {
  readonly name: ServiceName;
  readonly trafficState: TrafficState;
  /** Instances in the route table. */
  readonly readyCount: number;
  /** Configured weight; used in mode `customized` only. */
  readonly weight: number;
}

/** What a member gets: `weight` exact and relative, for the gateway; `percent` whole, for people. */
export interface Share {
  readonly name: ServiceName;
  readonly weight: number;
  readonly percent: number;
}

/**
 * Shares of a group's traffic: whole percents that sum to 100, or none if no member can serve. A member without
 * a ready instance gives its share to the others (design §6). Weights are bounded whole numbers, by the spec parser.
 */
export function allocate(members: readonly Member[], mode: TrafficMode): Share[] {
  const able = members
    .filter((m) => m.trafficState !== "standalone" && m.readyCount > 0)
    .map((m) => ({ name: m.name, weight: mode === "auto" ? m.readyCount : m.weight }))
    .filter((m) => m.weight > 0);
  const total = able.reduce((sum, m) => sum + m.weight, 0);
  const floors = able.map((m) => ({ ...m, percent: Math.floor((m.weight * 100) / total) }));
  const spare = 100 - floors.reduce((sum, s) => sum + s.percent, 0);
  const rest = (s: Share) => (s.weight * 100) % total;
  const byRest = floors.toSorted((a, b) => rest(b) - rest(a) || (a.name < b.name ? -1 : 1));
  const topUp = new Set(byRest.slice(0, spare).map((s) => s.name)); // largest remainder first
  return floors.map((s) => (topUp.has(s.name) ? { ...s, percent: s.percent + 1 } : s));
}
