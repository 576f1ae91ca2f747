/**
 * What to do about the instances of one service, decided from what is wanted and what is so: the heart of Sluice.
 *
 * The wanted count is N; the wanted instances are N slots of the version and epoch in force ("current"). Everything
 * else that is ours is leaving, but not before its work is taken over (make before break):
 *
 * - A current instance is started as long as no more than N+1 are alive: a surge of one.
 * - While fewer than N current ones are ready, as many older ones as are missing are kept in service. An older one that
 *   was ready once and crashed is kept, and started again, too: a new version that never comes up must not wear the
 *   old one down. One that fails over and over, or that never was ready, is not worth keeping.
 * - What is not kept leaves the route table first. It is stopped when every live gateway has let go of it
 *   (`released`), or when it has drained for the whole grace period, or when it is dead anyway.
 * - What crashed is started again after a backoff, unless crashes are blocked: then it stays for inspection.
 *
 * Nothing is remembered here: what must live on (failures, since when) comes back in `previous`.
 */
import { wantedInstances } from "../change/slots.ts";
import type { InstanceId } from "../names.ts";
import type { InstanceStatus, NewEvent } from "../service.ts";
import { type Assessed, assess } from "./assess.ts";
import { FAILING_AFTER } from "./backoff.ts";
import { eventsBetween } from "./events.ts";
import { instanceSpecOf } from "./instance-spec-of.ts";
import type { Action, Plan, PlanInput, Wanted } from "./plan-input.ts";
import { serviceStatus } from "./service-status.ts";

/** Grace of instances that no record owns, and last grace of one that has used up its own. */
const GRACE_OF_STRANGERS_MS = 30_000;
const GRACE_AT_END_MS = 1_000;

/** Instances that may be alive beyond the wanted count while some are replaced. */
const SURGE = 1;

export function planInstances(input: PlanInput): Plan {
  const { wanted, nowMs } = input;
  const count = wanted?.record.desired === "running" ? wanted.spec.instanceCount : 0;
  const slots = wanted === null ? new Map<InstanceId, number>() : wantedInstances(wanted.record, count);
  const { current, others } = assessAll(input, slots);

  const readyCurrent = current.filter((a) => a.status.isReady && !a.isGoing);
  const kept = keepers(others, count - readyCurrent.length, input);
  const leaving = others.filter((a) => !kept.includes(a));
  const serving = [...readyCurrent, ...kept.filter((a) => a.status.isReady)].map((a) => a.status.id);

  const budget = count + SURGE - [...current, ...others].filter((a) => a.isAlive).length;
  const restarts = kept.flatMap((a) => (isStartable(a, wanted, nowMs) ? [restartOf(a)] : []));
  const starts = current.flatMap((a) => startOf(a, wanted, nowMs));
  const started = [...restarts, ...starts].slice(0, Math.max(0, budget));

  const graceMs = wanted?.spec.terminationGraceMs ?? GRACE_OF_STRANGERS_MS;
  const going = [...leaving, ...current.filter((a) => a.isGoing && !isBlocked(a, wanted))];
  const stops = going.flatMap((a) => stopOf(a, graceMs, input));
  const actions: Action[] = [...started, ...stops];

  const startedIds = new Set(started.map((s) => s.spec.id));
  const goingIds = new Set(going.map((a) => a.status.id));
  const instances = [...current, ...others].map((a) =>
    afterActions(a.status, {
      isStarted: startedIds.has(a.status.id),
      isGoing: goingIds.has(a.status.id),
      nowMs,
    }),
  );
  const status =
    wanted === null
      ? null
      : serviceStatus({ wanted, count, current: slots, instances, serving, previous: input.previous });
  const events: NewEvent[] =
    wanted === null || status === null
      ? []
      : eventsBetween({
          service: wanted.record.name,
          previous: input.previous,
          status,
          actions,
          count,
          nowMs,
        });
  return { actions, status, events, recheckAtMs: recheckAt(instances, { wanted, graceMs, nowMs }) };
}

function assessAll(input: PlanInput, slots: ReadonlyMap<InstanceId, number>) {
  const observed = new Map(input.observed.map((o) => [o.spec.id, o]));
  const current: Assessed[] = [];
  if (input.wanted !== null) {
    const { version, epoch } = input.wanted.record;
    for (const [id, slot] of slots) {
      current.push(assess({ id, version, epoch, slot }, observed.get(id) ?? null, input));
    }
  }
  const others = input.observed
    .filter((o) => !slots.has(o.spec.id))
    .map((o) => assess(o.spec, o, input))
    .sort((a, b) => byAge(b.status, a.status));
  // A start that is under way and no longer wanted has no report yet, and takes its place all the same.
  for (const [id, work] of input.busy) {
    const before = input.previous?.instances.find((i) => i.id === id);
    if (work !== "starting" || slots.has(id) || observed.has(id) || before === undefined) continue;
    others.push(assess(before, null, input));
  }
  return { current, others };
}

/** Older versions, epochs and higher slots first. */
function byAge(a: InstanceStatus, b: InstanceStatus): number {
  return a.version - b.version || a.epoch - b.epoch || b.slot - a.slot;
}

/** The older instances that fill up for missing current ones; those that serve now before all others. */
function keepers(others: readonly Assessed[], missing: number, input: PlanInput): Assessed[] {
  const serving = new Set(input.previous?.serving);
  const isProven = ({ status }: Assessed) =>
    status.readySinceMs !== null && status.failuresInARow < FAILING_AFTER;
  const rank = (a: Assessed) => (a.status.isReady ? 0 : 2) + (serving.has(a.status.id) ? 0 : 1);
  return others
    .filter((a) => !a.isGoing && (a.status.isReady || isProven(a)))
    .sort((a, b) => rank(a) - rank(b) || byAge(b.status, a.status))
    .slice(0, Math.max(0, missing));
}

function isBlocked(a: Assessed, wanted: Wanted | null): boolean {
  return wanted?.spec.isCrashBlocked === true && a.status.phase === "Failed";
}

function isStartable(a: Assessed, wanted: Wanted | null, nowMs: number): boolean {
  if (a.isAlive || a.isGoing || isBlocked(a, wanted)) return false;
  return a.status.backoffUntilMs === null || a.status.backoffUntilMs <= nowMs;
}

type Start = Extract<Action, { kind: "start" }>;

function restartOf(a: Assessed): Start {
  return { kind: "start", spec: a.observed!.spec }; // an older one is known by its report only
}

function startOf(a: Assessed, wanted: Wanted | null, nowMs: number): Start[] {
  if (wanted === null || wanted.files.kind !== "ready" || !isStartable(a, wanted, nowMs)) return [];
  return [{ kind: "start", spec: instanceSpecOf(wanted, wanted.files, a.status.slot) }];
}

function stopOf(a: Assessed, graceMs: number, { busy, routing, nowMs }: PlanInput): Action[] {
  const { id, drainingSinceMs } = a.status;
  if (busy.has(id)) return [];
  if (!a.isAlive) return [{ kind: "stop", id, graceMs: 0, why: "dead" }];
  if (a.status.phase === "Failed") return [{ kind: "stop", id, graceMs: GRACE_AT_END_MS, why: "failed" }];
  if (routing(id) === "released") return [{ kind: "stop", id, graceMs, why: "drained" }];
  const isOver = drainingSinceMs !== null && nowMs - drainingSinceMs >= graceMs;
  return isOver ? [{ kind: "stop", id, graceMs: GRACE_AT_END_MS, why: "grace-over" }] : [];
}

/** The status as it is once the actions are begun. */
function afterActions(
  status: InstanceStatus,
  { isStarted, isGoing, nowMs }: { isStarted: boolean; isGoing: boolean; nowMs: number },
): InstanceStatus {
  if (isStarted) {
    const ranBefore = status.lastExit !== null && status.reason !== "Starting";
    const restarts = status.restarts + (ranBefore ? 1 : 0);
    const base = { ...status, restarts, backoffUntilMs: null, drainingSinceMs: null };
    return { ...base, phase: "Creating", reason: "Starting", message: "" };
  }
  if (!isGoing) return { ...status, drainingSinceMs: null };
  const phase = status.phase === "Failed" ? "Failed" : "Stopping";
  return { ...status, phase, drainingSinceMs: status.drainingSinceMs ?? nowMs };
}

function recheckAt(
  instances: readonly InstanceStatus[],
  { wanted, graceMs, nowMs }: { wanted: Wanted | null; graceMs: number; nowMs: number },
): number | null {
  const times = instances.flatMap((i) => {
    if (i.phase === "Failed") {
      const isWaiting = i.backoffUntilMs !== null && wanted?.spec.isCrashBlocked !== true;
      return isWaiting ? [i.backoffUntilMs!] : [];
    }
    if (i.phase === "Stopping" && i.drainingSinceMs !== null) return [i.drainingSinceMs + graceMs];
    if (i.reason === "Loading" && i.startedAtMs !== null) {
      const minutes = Math.max(0, Math.floor((nowMs - i.startedAtMs) / 60_000));
      return [i.startedAtMs + (minutes + 1) * 60_000]; // its text counts minutes
    }
    return [];
  });
  const next = times.filter((t) => t > nowMs);
  return next.length === 0 ? null : Math.min(...next);
}
