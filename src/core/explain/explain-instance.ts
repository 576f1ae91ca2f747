import { exitText } from "../plan/assess.ts";
import { FAILING_AFTER } from "../plan/backoff.ts";
import type { InstanceStatus } from "../service.ts";
import type { ExplainInput } from "./explain-input.ts";
import { counted, type Finding, timeText } from "./finding.ts";

/** Why one instance is in its present state, and what it waits for. */
export function explainInstance(i: InstanceStatus, input: ExplainInput): Finding {
  const about = { instance: i.id };
  const { name } = input.record;
  if (i.phase === "Failed") return { ...about, ...crashed(i, input) };
  if (i.reason === "NoRoom") {
    return {
      ...about,
      kind: "NoRoom",
      severity: "trouble",
      text: `Instance [${i.id}] is not started: the node has no room for it.`,
      causes: [`It ${i.message}.`],
      advices: [
        "Stop or shrink something else, or ask for less: metadata.cpu and metadata.memory.",
        "With metadata.rolling_strategy.max_unavailable at 1, an update stops an old instance before it starts a new one.",
      ],
    };
  }
  if (i.phase === "Stopping") return { ...about, ...draining(i, input) };
  if (i.isDetached) {
    const isServing = input.status.serving.includes(i.id);
    return {
      ...about,
      kind: "Detached",
      severity: "info",
      text: isServing
        ? `Instance [${i.id}] was detached by hand and serves until the one in its place is ready.`
        : `Instance [${i.id}] was detached by hand: it runs on, and gets no requests.`,
      causes: ["UpdateServiceInstance with Detach; another instance takes its place."],
      advices: [`When it is no longer needed: sluice dw ${name} ${i.id}.`],
    };
  }
  if (i.isIsolated) {
    return {
      ...about,
      kind: "Isolated",
      severity: "info",
      text: `Instance [${i.id}] was isolated by hand: it runs on, and gets no requests.`,
      causes: ["It counts as one of the wanted instances, so none was started in its place."],
      advices: [`To give it requests again: sluice isolate ${name} ${i.id} --off.`],
    };
  }
  if (i.isReady) {
    const isServing = input.status.serving.includes(i.id);
    return {
      ...about,
      kind: "Serving",
      severity: "info",
      text: `Instance [${i.id}] is ready and ${isServing ? "gets requests" : "gets no requests: it is not wanted any more"}.`,
      causes: i.message === "" ? [] : [i.message],
      advices: [],
    };
  }
  return { ...about, ...starting(i, input) };
}

type Told = Omit<Finding, "instance">;

function crashed(i: InstanceStatus, { nowMs, record, tails, spec }: ExplainInput): Told {
  const isLoop = i.failuresInARow >= FAILING_AFTER;
  const tail = tails.get(i.id) ?? [];
  const how = i.lastExit === null ? i.message || i.reason : exitText(i.lastExit);
  const again =
    i.isDetached || spec?.isCrashBlocked
      ? i.isDetached
        ? "It is detached, so it is not started again."
        : "runtime.enable_crash_block keeps it as it is, for inspection."
      : i.backoffUntilMs === null || i.backoffUntilMs <= nowMs
        ? "It is started again now, as soon as the number of instances and the room allow it."
        : `It is started again in ${timeText(i.backoffUntilMs - nowMs)}; the wait doubles with each failure, up to a minute.`;
  return {
    kind: isLoop ? "InstanceCrashing" : "InstanceCrashed",
    severity: "trouble",
    text: isLoop
      ? `Instance [${i.id}] fails over and over, ${i.failuresInARow} times in a row.`
      : `Instance [${i.id}] has ended and is not ready.`,
    causes: [
      `How it ended: ${how}.`,
      again,
      ...(tail.length === 0 ? [] : [`Its last log lines: ${tail.join(" ⏎ ")}`]),
    ],
    advices: [
      `Read its log: sluice logs ${record.name} --instance ${i.id}.`,
      ...(isLoop
        ? ["Correct the processor, its files or the spec, then sluice modify; what fails is replaced first."]
        : []),
    ],
  };
}

function draining(i: InstanceStatus, input: ExplainInput): Told {
  const { gateways, nowMs, spec, record } = input;
  const graceMs = spec?.terminationGraceMs ?? 30_000;
  const waits = gateways.flatMap((g) => {
    const use = g.use(i.id);
    if (use === "routed") return [`Gateway ${g.id} has not acknowledged the table without it.`];
    if (use === "unknown") return [`Gateway ${g.id} has not said yet whether requests are in flight to it.`];
    return use > 0 ? [`${counted(use, "request")} of gateway ${g.id} in flight to it.`] : [];
  });
  const left = i.drainingSinceMs === null ? null : i.drainingSinceMs + graceMs - nowMs;
  const end =
    left === null || left <= 0
      ? "Its termination grace period is over, so it is ended now."
      : `It is ended when nothing is in flight, at the latest in ${timeText(left)}, when its termination grace period is over.`;
  const isSoft = i.reason === "SoftRestart" || (record.softRestarts?.[i.id] ?? 0) > 0;
  return {
    kind: isSoft ? "SoftRestart" : "Draining",
    severity: "waiting",
    text: isSoft
      ? `Instance [${i.id}] has left the traffic for its soft restart.`
      : `Instance [${i.id}] has left the traffic and is about to end.`,
    causes: [...waits, end],
    advices: waits.length > 0 ? ["To wait longer or shorter: metadata.eas.termination_grace_period."] : [],
  };
}

function starting(i: InstanceStatus, { status, spec }: ExplainInput): Told {
  if (status.reason === "FETCH_FAILED") {
    return {
      kind: "FilesMissing",
      severity: "trouble",
      text: `Instance [${i.id}] is not started: its files are not here.`,
      causes: [`${status.message}.`],
      advices: ["Correct the source in the spec, or put the file there."],
    };
  }
  const failures = i.failuresInARow > 0 ? [`It has failed ${i.failuresInARow} times in a row before.`] : [];
  if (i.phase === "Pending") {
    const fetching = status.progress.findLast((line) => /^Downloading/.test(line));
    return {
      kind: "Pending",
      severity: "waiting",
      text: `Instance [${i.id}] is not started yet.`,
      causes: [
        ...failures,
        fetching === undefined
          ? "It waits for its turn: no more than the wanted instances and the surge run at a time, and files come first."
          : `It waits for its files: ${fetching}.`,
      ],
      advices: [],
    };
  }
  return {
    kind: i.reason === "Starting" ? "Starting" : "Loading",
    severity: "waiting",
    text:
      i.reason === "Starting"
        ? `Instance [${i.id}] is being started.`
        : `Instance [${i.id}] runs and is not ready: ${i.message || "it loads"}.`,
    causes: [
      ...failures,
      ...(spec?.processor.kind === "command"
        ? ["It is ready when it listens on its port."]
        : ["It is ready when its processor has loaded."]),
    ],
    advices: [],
  };
}
