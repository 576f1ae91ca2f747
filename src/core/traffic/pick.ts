/**
 * Who gets the next request. Between the members of a group: smooth weighted round-robin, exact over each cycle of
 * as many picks as the weights sum to, and spread evenly within it. Between the instances of a service: the one
 * with the least in flight, ties by rotation.
 */

/** The state of one smooth weighted round-robin. It changes with each pick. */
export interface Rotation {
  /** Names and weights, in the order of the group; weights are whole numbers ≥ 1. */
  readonly members: readonly { readonly service: string; readonly weight: number }[];
  /** Per member: how much it is owed. The sum is 0 between picks. */
  readonly credits: Float64Array;
  /** Sum of the weights: picks in one cycle. */
  readonly total: number;
}

/** A rotation at the start of its cycle. */
export function startRotation(members: Rotation["members"]): Rotation {
  const total = members.reduce((sum, m) => sum + m.weight, 0);
  return { members, credits: new Float64Array(members.length), total };
}

/**
 * The rotation to go on with after a table update: the old one, in the middle of its cycle, when members and weights are
 * the same, so that updates that do not concern the group leave its split exact.
 */
export function continueRotation(old: Rotation | null, members: Rotation["members"]): Rotation {
  if (old === null || old.members.length !== members.length) return startRotation(members);
  const isSame = members.every((m, i) => {
    const was = old.members[i]!;
    return was.service === m.service && was.weight === m.weight;
  });
  return isSame ? old : startRotation(members);
}

/** Index of the member that gets the next request; -1 when there is none. Every member earns its weight, the richest pays for all. */
export function nextMember(rotation: Rotation): number {
  const { members, credits, total } = rotation;
  let best = -1;
  let bestCredit = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < credits.length; i++) {
    const credit = credits[i]! + members[i]!.weight;
    credits[i] = credit;
    if (credit > bestCredit) {
      best = i;
      bestCredit = credit;
    }
  }
  if (best !== -1) credits[best] = bestCredit - total;
  return best;
}

/** Puts every suspect behind every other candidate: above any number in flight that one process can hold. */
const SUSPECT_LOAD = 2 ** 30;

/** Who may be picked among the instances of a service. */
export interface Candidate {
  /** Requests it holds now. */
  readonly inFlight: number;
  /** It could not be reached a moment ago: taken only when nobody else is left. A dead instance has the least in flight. */
  readonly isSuspect: boolean;
}

/**
 * Index of the candidate with the least in flight, looking from `start` on and around, so that a start that moves with
 * each request rotates ties. `except` (an index, or -1) is left out, for a second try. -1 when nobody is left.
 */
export function leastBusy(candidates: readonly Candidate[], start: number, except: number): number {
  const count = candidates.length;
  let best = -1;
  let fewest = Number.POSITIVE_INFINITY;
  for (let step = 0; step < count; step++) {
    const index = (start + step) % count;
    if (index === except) continue;
    const { inFlight, isSuspect } = candidates[index]!;
    const load = isSuspect ? inFlight + SUSPECT_LOAD : inFlight;
    if (load < fewest) {
      best = index;
      fewest = load;
    }
  }
  return best;
}

/**
 * Of two candidates at random the one with less in flight; `one` and `two` are even in [0, 1). Where neither may be taken or both are
 * suspect, as {@link leastBusy}.
 */
export function lessBusyOfTwo(
  candidates: readonly Candidate[],
  one: number,
  two: number,
  except: number,
): number {
  const count = candidates.length;
  const first = Math.floor(one * count);
  if (count < 3) return leastBusy(candidates, first, except);
  const second = (first + 1 + Math.floor(two * (count - 1))) % count;
  const [a, b] = [candidates[first]!, candidates[second]!];
  const canFirst = first !== except && !a.isSuspect;
  const canSecond = second !== except && !b.isSuspect;
  if (canFirst && canSecond) return b.inFlight < a.inFlight ? second : first;
  if (canFirst) return first;
  return canSecond ? second : leastBusy(candidates, first, except);
}
