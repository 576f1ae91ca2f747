import type { ServiceName } from "../names.ts";
import type { TrafficMode, TrafficState } from "../service.ts";

/** What decides a group's traffic, apart from who can serve now: see {@link allocate} for that. */
export interface GroupTraffic {
  readonly mode: TrafficMode;
  /** Oldest first. */
  readonly members: readonly MemberTraffic[];
}

/** One member's part. */
export interface MemberTraffic {
  readonly name: ServiceName;
  readonly trafficState: TrafficState;
  /** 0–1000, or percent 0–100 in a blue-green pair; null in mode `auto`. */
  readonly weight: number | null;
  /** Instances wanted: what weights begin from when a group turns customized. */
  readonly instanceCount: number;
}

/** Largest weight of a member (eas-reference §8.3, ReleaseService). */
export const WEIGHT_MAX = 1000;
/** What one instance weighs when a group turns customized: the seeds' example has 100 and 400. */
const WEIGHT_OF_INSTANCE = 100;

/** True when the group is a blue-green pair, where percents are given and traffic states are not. */
export function isBlueGreen(group: GroupTraffic): boolean {
  return group.members.some((m) => m.trafficState === "blue-green");
}

/**
 * A newcomer joins. In mode `auto` it shares by its instances. A customized group gives it an even share, the
 * mean of the others' weights. A blue-green pair keeps its shares: the pair turns into ordinary members with
 * the same weights, and the newcomer stands alone until it is released to `grouping` (design §6).
 */
export function join(group: GroupTraffic, newcomer: Omit<MemberTraffic, "weight">): GroupTraffic {
  if (group.mode === "auto") return settle("auto", [...group.members, { ...newcomer, weight: null }]);
  const weights = group.members.map((m) => m.weight ?? 0);
  const mean = Math.round(weights.reduce((sum, w) => sum + w, 0) / Math.max(1, weights.length));
  const weight = Math.max(1, mean);
  if (!isBlueGreen(group)) return settle("customized", [...group.members, { ...newcomer, weight }]);
  const pair = group.members.map((m) => ({ ...m, trafficState: "grouping" as const }));
  return settle("customized", [...pair, { ...newcomer, weight, trafficState: "standalone" }]);
}

/** A member leaves. Who remains alone gets everything. */
export function leave(group: GroupTraffic, name: ServiceName): GroupTraffic {
  return settle(
    group.mode,
    group.members.filter((m) => m.name !== name),
  );
}

/** `release -s`: takes a member into the group's traffic or out of it. Not for a blue-green pair. */
export function withState(
  group: GroupTraffic,
  name: ServiceName,
  trafficState: Exclude<TrafficState, "blue-green">,
): GroupTraffic {
  const members = group.members.map((m) => (m.name === name ? { ...m, trafficState } : m));
  return settle(group.mode, members);
}

/** `release -w` in a group of exactly two: both become blue-green with `percent` and the rest (design §6). */
export function withPercent(group: GroupTraffic, name: ServiceName, percent: number): GroupTraffic {
  const members = group.members.map((m) => ({
    ...m,
    trafficState: "blue-green" as const,
    weight: m.name === name ? percent : 100 - percent,
  }));
  return { mode: "customized", members };
}

/** `release -w` in any other group: a relative weight. The others keep their proportions among each other. */
export function withWeight(group: GroupTraffic, name: ServiceName, weight: number): GroupTraffic {
  const customized = toCustomized(group);
  const members = customized.members.map((m) => (m.name === name ? { ...m, weight } : m));
  return { mode: "customized", members };
}

/**
 * Turns the group to weights: 100 for each wanted instance, or less for each when the largest member would pass
 * {@link WEIGHT_MAX}. So the split stays what it was, until a weight is changed. A customized group stays as it is.
 */
export function toCustomized(group: GroupTraffic): GroupTraffic {
  if (group.mode === "customized") return group;
  const largest = Math.max(1, ...group.members.map((m) => m.instanceCount));
  const each = Math.max(1, Math.min(WEIGHT_OF_INSTANCE, Math.floor(WEIGHT_MAX / largest)));
  const members = group.members.map((m) => ({ ...m, weight: Math.max(1, m.instanceCount) * each }));
  return { mode: "customized", members };
}

/** Back to shares by instances: weights go, and a blue-green pair becomes two ordinary members. */
export function toAuto(group: GroupTraffic): GroupTraffic {
  return settle("auto", group.members);
}

/** True when weights are given, and every one that takes part is 0: nobody would get a request. */
export function isWeightless(group: GroupTraffic): boolean {
  const taking = group.members.filter((m) => m.trafficState !== "standalone");
  return group.mode === "customized" && taking.length > 0 && taking.every((m) => m.weight === 0);
}

/** Laws of any group: a lone member takes part (eas-reference §6.3) and has all; weights only when customized. */
function settle(mode: TrafficMode, members: readonly MemberTraffic[]): GroupTraffic {
  const group = { mode, members };
  if (mode === "customized" && members.length > 1 && !isWeightless(group)) return group;
  const isAlone = members.length === 1;
  const keptState = (m: MemberTraffic) => (m.trafficState === "blue-green" ? "grouping" : m.trafficState);
  return {
    mode: "auto",
    members: members.map((m) => ({ ...m, weight: null, trafficState: isAlone ? "grouping" : keptState(m) })),
  };
}
