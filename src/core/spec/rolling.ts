import type { Refuse } from "./build.ts";
import type { ServiceDocument } from "./schema.ts";

/** A number of instances, or a part of those wanted. */
export type Amount =
  | { readonly kind: "count"; readonly count: number }
  /** 0 to 100. */
  | { readonly kind: "percent"; readonly percent: number };

/** `metadata.rolling_strategy` (eas-reference §1.2). */
export interface RollingSpec {
  /** Instances that may be alive beyond the wanted count while some are replaced. */
  readonly surge: Amount;
  /** Instances that may be missing while some are replaced. */
  readonly unavailable: Amount;
}

/** eas-reference §1.2: 2 % more, at least 1, and none missing. */
export const DEFAULT_ROLLING: RollingSpec = {
  surge: { kind: "percent", percent: 2 },
  unavailable: { kind: "count", count: 0 },
};

/** How many instances, of a wanted count, may be too many and may be missing. */
export interface Pace {
  readonly surge: number;
  readonly unavailable: number;
}

/**
 * The pace for a wanted count. A percentage of surge is rounded up, so that any above 0 % is at least one instance; one of unavailable
 * is rounded down, so that no more are missing than was allowed. Where that leaves neither, one may be missing: else nothing could ever be
 * replaced. (Both 0 in the spec are refused.)
 */
export function paceOf({ surge, unavailable }: RollingSpec, count: number): Pace {
  const more = amountOf(surge, count, Math.ceil);
  const fewer = Math.min(count, amountOf(unavailable, count, Math.floor));
  if (more > 0 || fewer > 0) return { surge: more, unavailable: fewer };
  return { surge: 0, unavailable: 1 };
}

/** The amount of a whole, rounded as told when it is a part. */
export function amountOf(amount: Amount, whole: number, round: (value: number) => number): number {
  if (amount.kind === "count") return amount.count;
  // Whole numbers before the division: 7 % of 100 is 7 and not 7.000000000000001.
  return round((amount.percent * whole) / 100);
}

/** `"20%"` or a count, as the schema lets it through. */
export function readAmount(given: number | string): Amount {
  if (typeof given === "number") return { kind: "count", count: given };
  return { kind: "percent", percent: Number(given.slice(0, -1)) };
}

/** `20%`, or the count. */
export const amountText = (amount: Amount): string =>
  amount.kind === "count" ? String(amount.count) : `${amount.percent}%`;

type Given = ServiceDocument["metadata"]["rolling_strategy"];

/** Null when nothing could ever be replaced by it. */
export function buildRolling(given: Given, refuse: Refuse): RollingSpec | null {
  const isText = (value: unknown) => typeof value === "number" || (typeof value === "string" && value !== "");
  const { max_surge: surge, max_unavailable: unavailable } = given ?? {};
  const rolling: RollingSpec = {
    surge: isText(surge) ? readAmount(surge!) : DEFAULT_ROLLING.surge,
    unavailable: isText(unavailable) ? readAmount(unavailable!) : DEFAULT_ROLLING.unavailable,
  };
  const isNone = (amount: Amount) => (amount.kind === "count" ? amount.count : amount.percent) === 0;
  if (!isNone(rolling.surge) || !isNone(rolling.unavailable)) return rolling;
  return refuse(
    ["metadata", "rolling_strategy"],
    "neither more nor fewer instances than wanted",
    "max_surge or max_unavailable above 0: else no instance could ever be replaced",
  );
}
