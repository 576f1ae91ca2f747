import { unreachable } from "../../base/assert.ts";
import type { InstanceId } from "../names.ts";
import type { RolloutProgress } from "../rollout.ts";
import type { InstanceStatus, Prepared, ServicePhase, ServiceStatus } from "../service.ts";
import { paceOf } from "../spec/rolling.ts";
import { exitText } from "./assess.ts";
import { FAILING_AFTER } from "./backoff.ts";
import type { Wanted } from "./plan-input.ts";
import type { Targets } from "./targets.ts";

/** Progress lines kept of one change. */
const PROGRESS_MAX = 20;

export interface StatusInput {
  readonly wanted: Wanted;
  readonly count: number;
  readonly targets: Pick<Targets, "wantedIds">;
  readonly instances: readonly InstanceStatus[];
  readonly serving: readonly InstanceId[];
  /** An update goes on, and its new instances fail. */
  readonly isFailing: boolean;
  readonly rollout: RolloutProgress | null;
  readonly previous: ServiceStatus | null;
}

type Verdict = Pick<ServiceStatus, "phase" | "reason" | "message">;

/** The whole status of a service, with its phase and texts for people (eas-reference §6.8). */
export function serviceStatus(input: StatusInput): ServiceStatus {
  const { wanted, previous, instances, serving } = input;
  const verdict = judge(input);
  const observedGeneration = wanted.record.generation;
  const progress = progressOf(input, verdict);
  const { phase, reason, message } = verdict;
  const isSameChange = previous?.observedGeneration === observedGeneration;
  const before = isSameChange ? previous.progress : [];
  const prepared = preparedOf(input);
  return {
    observedGeneration,
    phase,
    reason,
    message,
    progress: append(before, progress),
    instances,
    serving,
    ...(input.rollout === null ? {} : { rollout: input.rollout }),
    ...(prepared === null ? {} : { prepared }),
  };
}

/** The first one counts: when this process was started anew, all that was brought is found where it is. */
function preparedOf({ wanted, previous }: StatusInput): Prepared | null {
  const { version, epoch } = wanted.record;
  const before = previous?.prepared;
  if (before?.version === version && before.epoch === epoch) return before;
  const { files } = wanted;
  return files.kind === "ready" && files.stages !== undefined
    ? { version, epoch, stages: files.stages }
    : (before ?? null);
}

function judge(input: StatusInput): Verdict {
  const { name, desired, version } = input.wanted.record;
  if (desired === "deleted") {
    return { phase: "Deleting", reason: "DELETING", message: `Service [${name}] is terminating` };
  }
  if (desired === "stopped") {
    const isGone = input.instances.length === 0;
    return isGone
      ? { phase: "Stopped", reason: "STOPPED", message: "Service is stopped" }
      : { phase: "Stopping", reason: "STOPPING", message: `Service [${name}] is stopping` };
  }
  const current = input.instances.filter((i) => input.targets.wantedIds.has(i.id));
  const others = input.instances.filter((i) => !input.targets.wantedIds.has(i.id) && !i.isDetached);
  const ready = current.filter((i) => i.isReady);
  if (ready.length === input.count && others.length === 0) {
    return atRest(input);
  }

  const activity = activityOf(input, current, others);
  const { files } = input.wanted;
  if (files.kind === "failed") {
    const isHopeless = !files.isRetriable && input.serving.length === 0;
    return { phase: isHopeless ? "Failed" : activity, reason: "FETCH_FAILED", message: files.message };
  }
  // Before what fails: it may be tried again, or come up, only when there is room.
  const held = input.instances.find((i) => i.reason === "NoRoom");
  if (held !== undefined) {
    const phase = activity === "Creating" ? "Waiting" : activity;
    return { phase, reason: "NO_ROOM", message: noRoomText(input, held, others.length > 0) };
  }
  const failing = current.filter((i) => isFailing(i, input.wanted));
  if (failing.length > 0) {
    const { id, phase, message, lastExit } = failing[0]!;
    // While it is tried again, how it failed says more than that it loads.
    const why = `${id}: ${phase === "Failed" || lastExit === null ? message : exitText(lastExit)}`;
    if (input.serving.length === 0 && failing.length === current.length) {
      const reason = input.wanted.spec.isCrashBlocked ? "CRASH_BLOCKED" : "CRASHING";
      return { phase: "Failed", reason, message: `No instance of version ${version} comes up: ${why}` };
    }
    if (activity === "Updating") {
      const message = `Version ${version} is failing, what was there before keeps serving: ${why}`;
      return { phase: "Updating", reason: "UPDATE_FAILING", message };
    }
  }
  return { phase: activity, reason: upperCase(activity), message: waitingText(input, current, others) };
}

/** All that is wanted is there, and nothing else: it runs, as far as the update has been let. */
function atRest({ rollout, count, wanted, instances }: StatusInput): Verdict {
  const running = { phase: "Running", reason: "RUNNING" } as const;
  const isolated = instances.filter((i) => i.isIsolated && !i.isDetached);
  if (rollout === null || rollout.wantedCount >= count) {
    if (isolated.length > 0) {
      const names = isolated.map((i) => i.id).join(", ");
      return {
        ...running,
        message: `${count - isolated.length} of ${count} instances serve; isolated: ${names}`,
      };
    }
    return { ...running, message: "Service start successfully" };
  }
  const { version, updatingFrom } = wanted.record;
  const rest = count - rollout.wantedCount;
  const split = `${rollout.wantedCount} of ${count} instances run version ${version}, ${rest} version ${updatingFrom?.version}`;
  if (rollout.phase === "Paused") return { ...running, message: `${split}: the rollout is paused` };
  if (!rollout.isHeld || rollout.nextBatchAtMs === null) {
    return { ...running, message: `${split}: kept by the partition` };
  }
  return {
    phase: "Updating",
    reason: "BATCH_WAITING",
    message: `${split}: the next batch waits for its time`,
  };
}

/** What blocks it, and what helps: a dead-lock is never silent (field notes, pain 6). */
function noRoomText({ count, wanted }: StatusInput, held: InstanceStatus, isReplacing: boolean): string {
  const text = `${held.id} ${held.message}`;
  if (!isReplacing) return `${text}: free room`;
  const { unavailable } = paceOf(wanted.spec.rolling, count);
  return unavailable > 0
    ? `${text}: free room`
    : `${text}: free room, or set metadata.rolling_strategy.max_unavailable to 1, so that an old one goes first`;
}

function isFailing(instance: InstanceStatus, wanted: Wanted): boolean {
  if (instance.phase === "Failed" && wanted.spec.isCrashBlocked) return true;
  return !instance.isReady && instance.failuresInARow >= FAILING_AFTER;
}

type Activity = Exclude<ServicePhase, "Failed">;

const upperCase = (activity: Activity) => activity.toUpperCase() as Uppercase<Activity>;

/** Which kind of change goes on, as long as not everything is as wanted. */
function activityOf(
  { wanted, previous, count }: StatusInput,
  current: readonly InstanceStatus[],
  others: readonly InstanceStatus[],
): Activity {
  const { version, epoch, generation } = wanted.record;
  if (previous === null) return "Creating";
  const isReplacing = others.some((i) => i.version !== version || i.epoch !== epoch);
  if (isReplacing) return "Updating";
  const isSameChange = previous.observedGeneration === generation;
  switch (previous.phase) {
    case "Creating":
      // All is launched: from here on it is startup (eas-reference §6.8, Waiting).
      return current.every((i) => i.phase !== "Pending") ? "Waiting" : "Creating";
    case "Stopped":
    case "Stopping":
    case "Starting":
      return "Starting";
    case "Running":
      if (isSameChange) return "Waiting"; // something crashed
      return current.length !== previous.instances.length || others.length > 0 || count === 0
        ? "Scaling"
        : current.some((i) => !previous.instances.some((p) => p.id === i.id))
          ? "Updating"
          : "Waiting";
    case "Updating":
    case "Scaling":
    case "Waiting":
      return previous.phase;
    case "Failed":
    case "Deleting":
      return "Waiting";
    default:
      return unreachable(previous.phase);
  }
}

function waitingText(
  { count }: StatusInput,
  current: readonly InstanceStatus[],
  others: readonly InstanceStatus[],
): string {
  const ready = current.filter((i) => i.isReady).length;
  const text = [`${ready} of ${count} instances are ready`];
  const slow = current.find((i) => !i.isReady && i.message !== "") ?? current.find((i) => !i.isReady);
  if (slow !== undefined) text.push(`${slow.id}: ${slow.message || slow.reason}`);
  const leaving = others.filter((i) => i.phase === "Stopping").length;
  if (leaving > 0) text.push(`${leaving} leaving`);
  return text.join("; ");
}

/** Lines for people who wait: what the files do, then how many run (the shapes of `eascmd create`). */
function progressOf(input: StatusInput, { phase }: Verdict): string[] {
  const lines = [...input.wanted.files.progress];
  if (input.wanted.record.desired !== "running" || input.wanted.files.kind !== "ready") return lines;
  const running = input.instances.filter((i) => input.targets.wantedIds.has(i.id) && i.isReady).length;
  const numbers = `[Total: ${input.count}, Pending: ${input.count - running}, Running: ${running}]`;
  return [...lines, `${phase === "Running" ? "Running" : "Waiting"} ${numbers}`];
}

/**
 * New steps are added, each once; one that only counts on, like `Downloading http file [43%]`, replaces the one before.
 * The last line, how many run, is added whenever it differs from the last one shown.
 */
function append(before: readonly string[], lines: readonly string[]): readonly string[] {
  const topic = (line: string | undefined) => /^(.+) \[\d+%\]$/.exec(line ?? "")?.[1];
  const all = [...before];
  for (const line of lines) {
    const isCount = /^(?:Waiting|Running) \[/.test(line);
    if (isCount ? all.at(-1) === line : all.includes(line)) continue;
    if (topic(line) !== undefined && topic(line) === topic(all.at(-1))) all.pop();
    all.push(line);
  }
  return all.slice(-PROGRESS_MAX);
}
