/**
 * What to do about the instances of one service, decided from what is wanted and what is so: the heart of Sluice.
 *
 * The wanted count is N. The wanted instances are N slots of the version and epoch in force ("current"); while a rollout holds
 * some back, the last of them are slots of the version before ("base", rollout-step.ts). Everything else that is ours is
 * leaving, but not before its work is taken over (make before break). With S and U, the surge and the unavailable of `rolling_strategy`:
 *
 * - A wanted instance is started as long as no more than N+S are alive, and as it fits on the node.
 * - While fewer than N wanted ones are ready, as many older ones as are missing are kept in service; U fewer, while new ones are
 *   on their way, or where nothing could be started otherwise (no surge, no room). An older one that was ready once and crashed is
 *   kept, and started again, too: a new version that never comes up must not wear the old one down. One that fails over and
 *   over, or that never was ready, is not worth keeping.
 * - An update whose new instances fail goes no further: no other slot is begun, no more older ones go, and what failed is tried
 *   again after its backoff. What was there before goes on being started again.
 * - What is not kept leaves the route table first. It is stopped when every live gateway has let go of it
 *   (`released`), or when it has drained for the whole grace period, or when it is dead anyway.
 * - What crashed is started again after a backoff, unless crashes are blocked: then it stays for inspection.
 * - What does not fit on the node waits, with what is missing, and nothing overtakes it.
 *
 * Nothing is remembered here: what must live on (failures, since when, how far a rollout is) comes back in `previous`.
 */
import type { InstanceId } from "../names.ts";
import type { InstanceStatus } from "../service.ts";
import type { Assessed } from "./assess.ts";
import { choose, isUpdateFailing } from "./choice.ts";
import { eventsBetween } from "./events.ts";
import { setAccessOf, stopOf } from "./instance-actions.ts";
import type { Action, Plan, PlanInput, Wanted } from "./plan-input.ts";
import { rolloutStep } from "./rollout-step.ts";
import { serviceStatus } from "./service-status.ts";
import { candidatesOf, isOlder, type Targets, targetsOf } from "./targets.ts";

/** Grace of instances that no record owns. */
const GRACE_OF_STRANGERS_MS = 30_000;

export function planInstances(input: PlanInput): Plan {
  const { wanted, nowMs } = input;
  const count = wanted?.record.desired === "running" ? wanted.spec.instanceCount : 0;
  const all = candidatesOf(input, count);
  const rollout = wanted === null ? null : stepOf(wanted, input, count, all);
  const updatedCount = rollout === null ? count : Math.min(count, rollout.wantedCount);
  const targets = targetsOf(all, count, updatedCount);
  const isFailing = isUpdateFailing(targets, input);
  const { kept, leaving, starts, heldBack } = choose(targets, count, isFailing, input);

  const wantedOnes = [...targets.base, ...targets.current];
  const serving = [...targets.current, ...targets.base, ...kept]
    .filter((a) => a.status.isReady && !a.isGoing)
    .map((a) => a.status.id);
  const graceMs = wanted?.spec.terminationGraceMs ?? GRACE_OF_STRANGERS_MS;
  const access = [...wantedOnes, ...targets.others].flatMap((a) => setAccessOf(a, wanted, input));
  const actions: Action[] = [...starts, ...access, ...leaving.flatMap((a) => stopOf(a, graceMs, input))];

  const started = new Set(starts.map((s) => s.spec.id));
  const gone = new Set(leaving.map((a) => a.status.id));
  const instances = [...targets.current, ...targets.base, ...targets.others].map(({ status }) => {
    if (started.has(status.id)) return startedStatus(status);
    if (gone.has(status.id)) return leavingStatus(status, nowMs);
    return heldStatus({ ...status, drainingSinceMs: null }, heldBack);
  });
  const times = instances.flatMap((i) => timesOf(i, { wanted, graceMs, nowMs }));
  const next = [...times, rollout?.nextBatchAtMs ?? 0].filter((t) => t > nowMs);
  const recheckAtMs = next.length === 0 ? null : Math.min(...next);
  const isShortOfRoom = heldBack.size > 0;
  if (wanted === null) {
    return { actions, status: null, events: [], recheckAtMs, isUpdateDone: false, isShortOfRoom };
  }
  const { previous } = input;
  const status = serviceStatus({ wanted, count, targets, instances, serving, isFailing, rollout, previous });
  const events = eventsBetween({ service: wanted.record.name, previous, status, actions, count, nowMs });
  const isUpdateDone = isDone(wanted, targets, count);
  return { actions, status, events, recheckAtMs, isUpdateDone, isShortOfRoom };
}

function stepOf(
  { record }: Wanted,
  input: PlanInput,
  count: number,
  all: {
    readonly current: readonly Assessed[];
    readonly base: readonly Assessed[];
    others: readonly Assessed[];
  },
) {
  const updated = all.current.map((a) => ({ isAlive: a.isAlive && !a.isGoing, isReady: a.status.isReady }));
  const isFailing = isUpdateFailing({ ...all, wantedIds: new Set() }, input);
  const previous = input.previous?.rollout ?? null;
  return rolloutStep({ record, count, previous, updated, isFailing, nowMs: input.nowMs });
}

/** Only a running service can tell: a stopped one goes on with its update when it is started. */
function isDone({ record }: Wanted, { current, others }: Targets, count: number): boolean {
  if (!record.updatingFrom || record.desired !== "running" || current.length < count) return false;
  return current.every((a) => a.status.isReady) && !others.some((a) => isOlder(a.status, record));
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

/** One that would be started if it did not lack room. */
function heldStatus(status: InstanceStatus, heldBack: ReadonlyMap<InstanceId, string>): InstanceStatus {
  const message = heldBack.get(status.id);
  return message === undefined ? status : { ...status, reason: "NoRoom", message };
}

/** The status of one that leaves, for good unless it is needed again before it is stopped. */
function leavingStatus(status: InstanceStatus, nowMs: number): InstanceStatus {
  const phase = status.phase === "Failed" ? "Failed" : "Stopping";
  return { ...status, phase, drainingSinceMs: status.drainingSinceMs ?? nowMs };
}

/** When something that only time brings is due: the end of a backoff, of a grace, or another minute of loading. */
function timesOf(
  i: InstanceStatus,
  { wanted, graceMs, nowMs }: { wanted: Wanted | null; graceMs: number; nowMs: number },
): number[] {
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
}
