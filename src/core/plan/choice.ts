import type { LimitSpec } from "../instance-spec.ts";
import type { InstanceId } from "../names.ts";
import type { Pace } from "../spec/rolling.ts";
import { paceOf } from "../spec/rolling.ts";
import type { Assessed } from "./assess.ts";
import { FAILING_AFTER } from "./backoff.ts";
import { isBlocked, restartOf, type Start, startOf } from "./instance-actions.ts";
import { keepers } from "./keepers.ts";
import type { PlanInput } from "./plan-input.ts";
import { fits, missingText, type Room, withMore, without } from "./room.ts";
import { isOlder, type Targets } from "./targets.ts";

/** Who stays, who goes and who is started. */
export interface Choice {
  /** Older ones that fill up for wanted ones that are not ready. */
  readonly kept: readonly Assessed[];
  readonly leaving: readonly Assessed[];
  readonly starts: readonly Start[];
  /** Why the first start that does not fit on the node is not made, by instance; the same text for all behind it. */
  readonly heldBack: ReadonlyMap<InstanceId, string>;
  /** Even when all that leave are gone, nothing more can be started. */
  readonly isBlocked: boolean;
}

/** A new instance is failing: it never was ready and has failed, or fails over and over. */
export function isTroubled(a: Assessed, { wanted }: PlanInput): boolean {
  const { isReady, readySinceMs, failuresInARow } = a.status;
  if (isReady) return false;
  return isBlocked(a, wanted) || failuresInARow >= (readySinceMs === null ? 1 : FAILING_AFTER);
}

/** An update goes on, and a new instance fails: nothing more of it is begun, and nothing more is stopped for it. */
export function isUpdateFailing(targets: Targets, input: PlanInput): boolean {
  const record = input.wanted?.record;
  if (record === undefined) return false;
  const isServingBefore = (a: Assessed) =>
    isOlder(a.status, record) && (a.status.isReady || a.status.readySinceMs !== null);
  const hasBefore = [...targets.base, ...targets.others].some(isServingBefore);
  return hasBefore && targets.current.some((a) => isTroubled(a, input));
}

/**
 * Chooses with `unavailable` fewer instances in service than wanted when that helps: while new ones are on their way, and where nothing could be
 * started otherwise. Not while the update fails, not before the files are there, and not when even that makes no room.
 */
export function choose(targets: Targets, count: number, isFailing: boolean, input: PlanInput): Choice {
  const { wanted } = input;
  const pace = wanted === null ? { surge: 0, unavailable: 0 } : paceOf(wanted.spec.rolling, count);
  const careful = chooseWith(0, { targets, count, isFailing, pace, input });
  if (pace.unavailable === 0 || targets.others.length === 0) return careful;
  const eager = chooseWith(pace.unavailable, { targets, count, isFailing, pace, input });
  if (eager.isBlocked) return careful;
  const isOnItsWay = (a: Assessed) => a.isAlive || canStart(a, targets, input).length > 0;
  const isReplacing =
    !isFailing &&
    [...targets.current, ...targets.base].some(
      (a) => !a.status.isReady && a.status.readySinceMs === null && isOnItsWay(a),
    );
  return isReplacing || careful.isBlocked ? eager : careful;
}

interface Given {
  readonly targets: Targets;
  readonly count: number;
  readonly isFailing: boolean;
  readonly pace: Pace;
  readonly input: PlanInput;
}

function chooseWith(unavailable: number, { targets, count, isFailing, pace, input }: Given): Choice {
  const { wanted, nowMs } = input;
  const wantedOnes = [...targets.base, ...targets.current];
  const isIsolated = (a: Assessed) => a.status.isIsolated === true;
  const ready = wantedOnes.filter((a) => a.status.isReady && !a.isGoing && !isIsolated(a));
  const servingCount = count - wantedOnes.filter(isIsolated).length;
  const candidates = [...targets.others, ...targets.detached];
  const kept = keepers(candidates, servingCount - unavailable - ready.length, input);
  const leaving = [
    ...targets.others.filter((a) => !kept.includes(a)),
    ...wantedOnes.filter((a) => a.isGoing && !isBlocked(a, wanted)),
  ];

  // What served before comes back first; of what is new, while it fails, only what was begun.
  const isProven = (a: Assessed) => a.status.readySinceMs !== null;
  const isBegun = (a: Assessed) => a.status.failuresInARow > 0 || isProven(a);
  const mayBegin = (a: Assessed) => !isFailing || targets.base.includes(a) || isBegun(a);
  const due = [
    ...kept.flatMap((a) => restartOf(a, wanted, nowMs)),
    ...wantedOnes.filter(isProven).flatMap((a) => canStart(a, targets, input)),
    ...wantedOnes.filter((a) => !isProven(a) && mayBegin(a)).flatMap((a) => canStart(a, targets, input)),
  ];
  const all = [...wantedOnes, ...targets.others];
  const alive = all.filter((a) => a.isAlive);
  const leavingAlive = leaving.filter((a) => a.isAlive);
  const budget = count + pace.surge - alive.length;
  const { starts, heldBack, first } = withinRoom(due.slice(0, Math.max(0, budget)), input.room ?? null);

  // While it fails, what was begun of the new version waits for a place of its own in the surge: no older one goes for it.
  const mayTakeOver = !isFailing || pace.surge === 0;
  const isOverBudget = mayTakeOver && due.length > 0 && budget + leavingAlive.length <= 0;
  const limitsOf = (a: Assessed) => (a.observed === null ? [] : [a.observed.spec.limits]);
  const roomLater = input.room == null ? null : withMore(input.room, leavingAlive.flatMap(limitsOf));
  const isOverRoom =
    first !== null && starts.length === 0 && roomLater !== null && !fits(roomLater, first.limits);
  return { kept, leaving, starts, heldBack, isBlocked: isOverBudget || isOverRoom };
}

function canStart(a: Assessed, targets: Targets, { wanted, nowMs }: PlanInput): Start[] {
  if (!targets.base.includes(a)) return startOf(a, wanted, nowMs);
  // As it was, where that is known: the files of its version need not be looked for again.
  return a.observed === null ? startOf(a, wanted?.base ?? null, nowMs) : restartOf(a, wanted, nowMs);
}

interface Fitting {
  readonly starts: readonly Start[];
  readonly heldBack: ReadonlyMap<InstanceId, string>;
  /** The first one that does not fit. */
  readonly first: { readonly limits: LimitSpec } | null;
}

/** In order, and none is passed over: else a large one would wait for ever behind small ones. */
function withinRoom(due: readonly Start[], room: Room | null): Fitting {
  if (room === null) return { starts: due, heldBack: new Map(), first: null };
  let left = room;
  for (const [at, { spec }] of due.entries()) {
    if (fits(left, spec.limits)) {
      left = without(left, spec.limits);
      continue;
    }
    const text = missingText(spec.limits, left);
    const heldBack = new Map(due.slice(at).map((s) => [s.spec.id, text]));
    return { starts: due.slice(0, at), heldBack, first: spec };
  }
  return { starts: due, heldBack: new Map(), first: null };
}
