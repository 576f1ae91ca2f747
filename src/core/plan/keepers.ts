import type { InstanceStatus } from "../service.ts";
import type { Assessed } from "./assess.ts";
import { FAILING_AFTER } from "./backoff.ts";
import type { PlanInput } from "./plan-input.ts";

/** Older versions, epochs and higher slots first. */
export function byAge(a: InstanceStatus, b: InstanceStatus): number {
  return a.version - b.version || a.epoch - b.epoch || b.slot - a.slot;
}

/** The older instances that fill up for missing current ones; those that serve now before all others. */
export function keepers(others: readonly Assessed[], missing: number, input: PlanInput): Assessed[] {
  const serving = new Set(input.previous?.serving);
  const isProven = ({ status }: Assessed) =>
    status.readySinceMs !== null && status.failuresInARow < FAILING_AFTER;
  // A detached one is let go first: it was not to serve at all.
  const rank = (a: Assessed) =>
    (a.status.isDetached ? 4 : 0) + (a.status.isReady ? 0 : 2) + (serving.has(a.status.id) ? 0 : 1);
  return (
    others
      .filter((a) => !a.isGoing && a.status.isIsolated !== true)
      // A detached one serves until its place is taken, and never again.
      .filter((a) => a.status.isDetached !== true || (a.status.isReady && serving.has(a.status.id)))
      .filter((a) => a.status.isReady || isProven(a))
      .sort((a, b) => rank(a) - rank(b) || byAge(b.status, a.status))
      .slice(0, Math.max(0, missing))
  );
}
