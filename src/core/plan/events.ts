import { growthText } from "../health/memory-growth.ts";
import type { InstanceId, ServiceName } from "../names.ts";
import type { EventFacts, InstanceStatus, NewEvent, ServiceStatus } from "../service.ts";
import { startText } from "../start-stages.ts";
import { exitText } from "./assess.ts";
import type { Action } from "./plan-input.ts";

export interface Between {
  readonly service: ServiceName;
  readonly previous: ServiceStatus | null;
  readonly status: ServiceStatus;
  readonly actions: readonly Action[];
  /** Instances wanted. */
  readonly count: number;
  /** In force. */
  readonly version: number;
  readonly nowMs: number;
}

type Told = Pick<NewEvent, "type" | "reason" | "message"> & { readonly instance: InstanceId | null };

/** What happened between two statuses of a service, for people: told from their difference, so nothing is told twice. */
export function eventsBetween(between: Between): NewEvent[] {
  const { service, previous, status, actions, nowMs } = between;
  const told: Told[] = [];
  for (const now of status.instances) {
    const before = previous?.instances.find((i) => i.id === now.id);
    told.push(...ofInstance(before, now));
  }
  const note = newNote(between);
  if (note !== null) told.push(note);
  for (const before of previous?.instances ?? []) {
    const isGone = !status.instances.some((i) => i.id === before.id);
    if (isGone && before.phase !== "Pending") {
      told.push({
        type: "Normal",
        reason: "InstanceStopped",
        instance: before.id,
        message: "It has stopped",
      });
    }
  }
  for (const action of actions) {
    if (action.kind !== "stop" || action.why !== "grace-over") continue;
    const message = "It is ended although requests are in flight to it: its termination grace period is over";
    told.push({ type: "Warning", reason: "InstanceKilled", instance: action.id, message });
  }
  told.push(...ofService(between));
  return told.map((t) => ({
    service,
    atMs: nowMs,
    type: t.type,
    reason: t.reason,
    resource: t.instance === null ? "Service" : "Instance",
    instance: t.instance,
    message: t.instance === null ? t.message : `Instance [${t.instance}]: ${t.message}`,
    facts: factsOf(t, between),
  }));
}

/** Once for each service and reason: that its limits are not held by control groups, wholly or in part. */
function newNote({ previous, status }: Between): Told | null {
  const known = previous?.instances.map((i) => i.limits?.note ?? null) ?? [];
  const now = status.instances.find((i) => (i.limits?.note ?? null) !== null);
  if (now === undefined || known.includes(now.limits!.note)) return null;
  const { memory, cpu, processes, note } = now.limits!;
  const message = `Its limits are held by: memory ${memory}, cpu ${cpu}, processes ${processes} (${note})`;
  return { type: "Normal", reason: "LimitsWithoutGroup", instance: now.id, message };
}

/** What the plan went by when this came of it. */
function factsOf({ instance }: Told, { previous, status, count, version }: Between): EventFacts {
  const of = (s: ServiceStatus | null) =>
    instance === null ? s : (s?.instances.find((i) => i.id === instance) ?? null);
  const now = instance === null ? null : (status.instances.find((i) => i.id === instance) ?? null);
  return {
    from: of(previous)?.phase ?? null,
    to: of(status)?.phase ?? null,
    version: now?.version ?? version,
    generation: status.observedGeneration,
    wantedCount: count,
    servingCount: status.serving.length,
    ...(now !== null && now.failuresInARow > 0 ? { failuresInARow: now.failuresInARow } : {}),
    ...(now?.lastExit ? { lastExit: exitText(now.lastExit) } : {}),
  };
}

function ofInstance(before: InstanceStatus | undefined, now: InstanceStatus): Told[] {
  const told: Told[] = [];
  const say = (type: NewEvent["type"], reason: string, message: string) =>
    told.push({ type, reason, instance: now.id, message });
  if (
    now.lastExit !== null &&
    now.failuresInARow !== (before?.failuresInARow ?? 0) &&
    now.phase === "Failed"
  ) {
    say("Warning", "InstanceCrashed", `${now.message} (failure ${now.failuresInARow} in a row)`);
  }
  if (now.reason === "Starting" && before?.reason !== "Starting") {
    const isAgain = now.restarts > (before?.restarts ?? 0);
    say(
      "Normal",
      isAgain ? "InstanceRestarting" : "InstanceStarting",
      isAgain ? "It is started again" : "It is started",
    );
  }
  if (now.workerRestarts > (before?.workerRestarts ?? 0)) {
    const message = `Its processor worker ended and was started again (${now.workerRestarts} since the instance started)`;
    say("Warning", "WorkerRestarted", message);
  }
  if (before?.isReady === true && now.reason === "NotReady") {
    say("Warning", "InstanceNotReady", `It gets no requests for now: ${now.message}`);
  }
  if (now.isReady && before?.isReady !== true) {
    const after = now.stages ? ` after ${startText(now.stages)}` : "";
    say("Normal", "InstanceReady", `It is ready${after}${now.message === "" ? "" : `. ${now.message}`}`);
  }
  const growth = now.memory?.growth;
  if (growth && !before?.memory?.growth) {
    say("Warning", "MemoryGrowing", `It serves, and ${growthText(growth)}`);
  }
  if (
    now.drainingSinceMs !== null &&
    (before?.drainingSinceMs ?? null) === null &&
    now.phase === "Stopping"
  ) {
    say(
      "Normal",
      "InstanceDraining",
      now.reason === "SoftRestart" ? now.message : "It leaves the traffic and will be stopped",
    );
  }
  return told;
}

function ofService({ previous, status, count }: Between): Told[] {
  const told: Told[] = [];
  const hadSome = (previous?.serving.length ?? 0) > 0;
  if (hadSome && status.serving.length === 0 && count > 0) {
    const message = "No instance is ready; in a group, its share goes to the other services";
    told.push({ type: "Warning", reason: "NoReadyInstance", instance: null, message });
  }
  told.push(...ofRollout(previous, status, count));
  if (previous?.phase === status.phase) return told;
  if (status.phase === "Running" || status.phase === "Stopped") {
    told.push({ type: "Normal", reason: status.phase, instance: null, message: status.message });
  }
  if (status.phase === "Failed") {
    told.push({ type: "Warning", reason: "Failed", instance: null, message: status.message });
  }
  return told;
}

/** How an update goes on, and why it does not. */
function ofRollout(previous: ServiceStatus | null, status: ServiceStatus, count: number): Told[] {
  const told: Told[] = [];
  const say = (type: NewEvent["type"], reason: string, message: string) =>
    told.push({ type, reason, instance: null, message });
  const now = status.rollout ?? null;
  const before = previous?.rollout ?? null;
  const isSame = before?.version === now?.version;
  if (now?.isHeld && now.wantedCount > (isSame ? (before?.wantedCount ?? 0) : 0)) {
    say(
      "Normal",
      "BatchStarted",
      `${now.wantedCount} of ${count} instances shall run version ${now.version} now`,
    );
  }
  if (now?.phase === "Failed" && !(isSame && before?.phase === "Failed")) {
    say(
      "Warning",
      "UpdatePaused",
      `Instances of version ${now.version} fail: the update goes no further, what was there before keeps serving`,
    );
  }
  if (status.reason === "NO_ROOM" && previous?.reason !== "NO_ROOM") say("Warning", "NoRoom", status.message);
  return told;
}
