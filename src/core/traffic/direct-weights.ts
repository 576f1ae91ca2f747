/**
 * What a client that calls instances itself is told to weigh them by. SDKs share their requests among single instances, by whole
 * numbers, and know nothing of members: so the weights of a member's instances must sum to the member's part of the split.
 */

/** One member that takes part, as a route table has it. */
export interface DirectMember {
  /** Whole number ≥ 1, relative to the other members. */
  readonly weight: number;
  /** Instances that can be called, ≥ 1. */
  readonly count: number;
}

/**
 * Up to this, all instances of a member weigh the same. Equal weights may need large numbers (7 and 11 instances at 1 to 1: 11 and 7), and SDKs take as
 * many requests as the weights sum to until a split is exact.
 */
const EQUAL_WEIGHT_MAX = 1000;
/** Where equal weights would be larger, those of one member differ by 1, and the least is at least this, while that keeps them small. */
const NEAR_EQUAL_WEIGHT = 100;
/** What a signed whole number of 32 bits can hold: the SDKs of some languages keep weights in one. */
export const DIRECT_WEIGHT_MAX = 2 ** 31 - 1;

/**
 * Whole weights ≥ 1 for the instances of each member, in their order. The weights of one member sum to its part of the split exactly. They are
 * equal where that needs no weight above 1000; else they differ by 1 at most.
 */
export function directWeights(members: readonly DirectMember[]): number[][] {
  if (members.length === 0) return [];
  const common = members.reduce((all, m) => greatestDivisor(all, m.weight), 0);
  const reduced = members.map(({ weight, count }) => ({ weight: weight / common, count }));
  const factor = equalFactor(reduced) ?? nearEqualFactor(reduced);
  return reduced.map(({ weight, count }) => spread(weight * factor, count));
}

/** The least factor by which every member's weight can be dealt equally among its instances; null: that makes weights too large. */
function equalFactor(members: readonly DirectMember[]): number | null {
  let factor = 1;
  for (const { weight, count } of members) {
    const own = count / greatestDivisor(count, weight);
    factor = (factor / greatestDivisor(factor, own)) * own;
    if (factor > EQUAL_WEIGHT_MAX ** 2) return null; // with up to 1,000 instances each, some weight would be too large
  }
  return members.every(({ weight, count }) => (weight * factor) / count <= EQUAL_WEIGHT_MAX) ? factor : null;
}

/** The factor that gives each instance at least {@link NEAR_EQUAL_WEIGHT}, or less where that would make another's too large. */
function nearEqualFactor(members: readonly DirectMember[]): number {
  for (const least of [NEAR_EQUAL_WEIGHT, 10, 1]) {
    const factor = Math.max(...members.map(({ weight, count }) => Math.ceil((least * count) / weight)));
    const most = Math.max(...members.map(({ weight, count }) => Math.ceil((weight * factor) / count)));
    if (most <= DIRECT_WEIGHT_MAX || least === 1) return factor;
  }
  return 1;
}

/** `total` in `count` parts that differ by 1 at most. */
function spread(total: number, count: number): number[] {
  const least = Math.floor(total / count);
  const more = total - least * count;
  return Array.from({ length: count }, (_, i) => (i < more ? least + 1 : least));
}

function greatestDivisor(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  return x;
}
