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
import type { InstanceStatus } from "../service.ts";
import { type Assessed, assess } from "./assess.ts";
import { eventsBetween } from "./events.ts";
import { isBlocked, restartOf, setAccessOf, startOf, stopOf } from "./instance-actions.ts";
import { byAge, keepers } from "./keepers.ts";
import type { Action, Plan, PlanInput, Wanted } from "./plan-input.ts";
import { serviceStatus } from "./service-status.ts";

/** Grace of instances that no record owns. */
const GRACE_OF_STRANGERS_MS = 30_000;
/** Instances that may be alive beyond the wanted count while some are replaced. */
const SURGE = 1;

export function planInstances(input: PlanInput): Plan {
  const { wanted, nowMs } = input;
  const count = wanted?.record.desired === "running" ? wanted.spec.instanceCount : 0;
  const slots = wanted === null ? new Map<InstanceId, number>() : wantedInstances(wanted.record, count);
  const { current, others } = assessAll(input, slots);

  // Who serves: ready current ones, and as many older ones as are missing.
  const readyCurrent = current.filter((a) => a.status.isReady && !a.isGoing);
  const kept = keepers(others, count - readyCurrent.length, input);
  const serving = [...readyCurrent, ...kept.filter((a) => a.status.isReady)].map((a) => a.status.id);

  // Who is started: what serves comes back before anything new, and never more than the surge allows.
  const aliveCount = [...current, ...others].filter((a) => a.isAlive).length;
  const starts = [
    ...kept.flatMap((a) => restartOf(a, wanted, nowMs)),
    ...current.flatMap((a) => startOf(a, wanted, nowMs)),
  ].slice(0, Math.max(0, count + SURGE - aliveCount));

  // Who leaves: older ones that are not kept, and current ones that can only end.
  const graceMs = wanted?.spec.terminationGraceMs ?? GRACE_OF_STRANGERS_MS;
  const leaving = [
    ...others.filter((a) => !kept.includes(a)),
    ...current.filter((a) => a.isGoing && !isBlocked(a, wanted)),
  ];
  const access = [...current, ...others].flatMap((a) => setAccessOf(a, wanted, input));
  const actions: Action[] = [...starts, ...access, ...leaving.flatMap((a) => stopOf(a, graceMs, input))];

  const started = new Set(starts.map((s) => s.spec.id));
  const gone = new Set(leaving.map((a) => a.status.id));
  const instances = [...current, ...others].map(({ status }) => {
    if (started.has(status.id)) return startedStatus(status);
    return gone.has(status.id) ? leavingStatus(status, nowMs) : { ...status, drainingSinceMs: null };
  });
  const recheckAtMs = recheckAt(instances, { wanted, graceMs, nowMs });
  if (wanted === null) return { actions, status: null, events: [], recheckAtMs };
  const { previous } = input;
  const status = serviceStatus({ wanted, count, current: slots, instances, serving, previous });
  const events = eventsBetween({ service: wanted.record.name, previous, status, actions, count, nowMs });
  return { actions, status, events, recheckAtMs };
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

/** The status as it is once the start is begun. */
function startedStatus(status: InstanceStatus): InstanceStatus {
  const ranBefore = status.lastExit !== null && status.reason !== "Starting";
  return {
    ...status,
    phase: "Creating",
    reason: "Starting",
    message: "",
    restarts: status.restarts + status.workerRestarts + (ranBefore ? 1 : 0),
    workerRestarts: 0,
    backoffUntilMs: null,
    drainingSinceMs: null,
  };
}

/** The status of one that leaves, for good unless it is needed again before it is stopped. */
function leavingStatus(status: InstanceStatus, nowMs: number): InstanceStatus {
  const phase = status.phase === "Failed" ? "Failed" : "Stopping";
  return { ...status, phase, drainingSinceMs: status.drainingSinceMs ?? nowMs };
}

/** When something that only time brings is due: the end of a backoff, of a grace, or another minute of loading. */
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
