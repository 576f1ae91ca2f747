import type { AccessRules } from "../instance-spec.ts";
import type { Assessed } from "./assess.ts";
import { instanceSpecOf } from "./instance-spec-of.ts";
import type { Action, PlanInput, Wanted } from "./plan-input.ts";

/** Last grace of an instance that has used up its own, or that has failed. */
const GRACE_AT_END_MS = 1_000;

/** It crashed, and is to stay as it is for inspection. */
export function isBlocked(a: Assessed, wanted: Wanted | null): boolean {
  return wanted?.spec.isCrashBlocked === true && a.status.phase === "Failed";
}

/** Not alive, and neither blocked nor waiting for its backoff. */
function isStartable(a: Assessed, wanted: Wanted | null, nowMs: number): boolean {
  if (a.isAlive || a.isGoing || isBlocked(a, wanted)) return false;
  return a.status.backoffUntilMs === null || a.status.backoffUntilMs <= nowMs;
}

export type Start = Extract<Action, { kind: "start" }>;

/** Starts an older instance again, as it was: its report is all that is known of it. */
export function restartOf(a: Assessed, wanted: Wanted | null, nowMs: number): Start[] {
  if (a.observed === null || !isStartable(a, wanted, nowMs)) return [];
  const access = wanted === null ? {} : accessOf(wanted);
  return [{ kind: "start", spec: { ...a.observed.spec, ...access } }];
}

/** Starts a wanted instance, when its files are there. */
export function startOf(a: Assessed, wanted: Wanted | null, nowMs: number): Start[] {
  if (wanted === null || wanted.files.kind !== "ready" || !isStartable(a, wanted, nowMs)) return [];
  return [{ kind: "start", spec: instanceSpecOf(wanted, wanted.files, a.status.slot) }];
}

/** Gives a living instance the rules for direct callers that are wanted, if it has others: a revoked token must not open it any longer. */
export function setAccessOf(a: Assessed, wanted: Wanted | null, { busy }: PlanInput): Action[] {
  if (wanted === null || a.observed === null || !a.isAlive || busy.has(a.status.id)) return [];
  const access = accessOf(wanted);
  const has = a.observed.spec;
  const isSame =
    has.isBodyChecked === access.isBodyChecked &&
    isSameTokens(has.tokens, access.tokens) &&
    isSameTokens(has.groupTokens, access.groupTokens);
  return isSame ? [] : [{ kind: "set-access", id: a.status.id, access }];
}

const accessOf = ({ tokens, groupTokens, spec }: Wanted): AccessRules => ({
  tokens,
  ...(groupTokens === undefined ? {} : { groupTokens }),
  isBodyChecked: spec.isBodyChecked,
});

const isSameTokens = (a: readonly string[] = [], b: readonly string[] = []) => a.join("\n") === b.join("\n");

/** Stops an instance that leaves, as soon as that costs nobody a request, or its grace is over. */
export function stopOf(a: Assessed, graceMs: number, { busy, routing, nowMs }: PlanInput): Action[] {
  const { id, drainingSinceMs } = a.status;
  if (busy.has(id)) return [];
  if (!a.isAlive) return [{ kind: "stop", id, graceMs: 0, why: "dead" }];
  if (a.status.phase === "Failed") return [{ kind: "stop", id, graceMs: GRACE_AT_END_MS, why: "failed" }];
  if (routing(id) === "released") return [{ kind: "stop", id, graceMs, why: "drained" }];
  const isOver = drainingSinceMs !== null && nowMs - drainingSinceMs >= graceMs;
  return isOver ? [{ kind: "stop", id, graceMs: GRACE_AT_END_MS, why: "grace-over" }] : [];
}
