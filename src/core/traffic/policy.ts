import type { Affinity } from "./affinity.ts";

/**
 * What a gateway allows a service, and how it picks among its instances: `networking.gateway_policy` of the spec
 * (eas-reference §1.6, and our extensions of it). It stands in the route table, so a change reaches gateways without new instances.
 */
export interface GatewayPolicy {
  /** Requests a second over all gateway workers; null: no limit. */
  readonly rate: Ceiling | null;
  /** Requests at once over all gateway workers; null: no limit. */
  readonly concurrency: Ceiling | null;
  readonly request: RequestLimits;
  /** How an instance is picked; null: the one with the least in flight, ties by rotation. */
  readonly balancing: Balancing | null;
}

/**
 * Other ways to pick an instance. `random-two`: of two at random the one with less in flight, so that workers that know nothing of each
 * other do not all pick the same. `hash`: the same client gets the same instance, as long as it can be reached.
 */
export type Balancing = { readonly kind: "random-two" } | { readonly kind: "hash"; readonly by: Affinity };

/** A limit that can be tried out first. */
export interface Ceiling {
  /** Whole number ≥ 1. */
  readonly limit: number;
  /** What is above is counted, and let through. */
  readonly isEvaluated: boolean;
}

/** Limits of one request; null: only those that the gateway has for everybody. */
export interface RequestLimits {
  /** Of the body, as it comes over the wire: the framing of chunks counts. */
  readonly bodyBytesMax: number | null;
  /** Of start line and header fields. */
  readonly headBytesMax: number | null;
  /** Longest time in ms without a byte while the body comes or the answer goes. */
  readonly idleMs: number | null;
  /** Longest time in ms from the head to the last byte of the answer. */
  readonly totalMs: number | null;
}

/** No limit of any kind. */
export const NO_POLICY: GatewayPolicy = {
  rate: null,
  concurrency: null,
  request: { bodyBytesMax: null, headBytesMax: null, idleMs: null, totalMs: null },
  balancing: null,
};

/** True when it has a limit: then requests are counted. */
export function hasLimit(policy: GatewayPolicy): boolean {
  return !isNoPolicy({ ...policy, balancing: null });
}

/** True when nothing of it has an effect: then the route table leaves it out. */
export function isNoPolicy(policy: GatewayPolicy): boolean {
  return JSON.stringify(policy) === JSON.stringify(NO_POLICY);
}

/** One gateway worker among those that serve by the same table. */
export interface WorkerShare {
  /** From 0. */
  readonly index: number;
  readonly count: number;
}

/** The part of a rate that one worker has. The parts sum to the whole. */
export function rateShare(limit: number, { count }: WorkerShare): number {
  return limit / count;
}

/**
 * The part of a whole number that one worker has. The parts sum to the whole, unless it is smaller than the number of
 * workers: then each has 1, as a client cannot choose its worker, and one with 0 would refuse it for ever.
 */
export function wholeShare(limit: number, { index, count }: WorkerShare): number {
  return Math.max(1, Math.floor(limit / count) + (index < limit % count ? 1 : 0));
}
