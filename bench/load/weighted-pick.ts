import type { Random } from "../../src/ports/random.ts";

/** One of the list, with the chance of its weight among all; weights are 0 or more, and not all 0. */
export function pickWeighted<T extends { readonly weight: number }>(random: Random, list: readonly T[]): T {
  let left = random.next() * list.reduce((sum, { weight }) => sum + weight, 0);
  for (const one of list) {
    left -= one.weight;
    if (left < 0) return one;
  }
  return list.at(-1)!;
}
