import { growthText } from "../health/memory-growth.ts";
import type { ExitReason, InstanceReason } from "../reasons.ts";
import type { InstanceStatus } from "../service.ts";
import { startText } from "../start-stages.ts";
import { explainEnd, howItEnded } from "./explain-end.ts";
import type { ExplainInput } from "./explain-input.ts";
import { counted, type Finding, timeText } from "./finding.ts";

/** Why one instance is in its present state, and what it waits for. */
export function explainInstance(i: InstanceStatus, input: ExplainInput): Finding {
  return { instance: i.id, ...SENTENCES[subjectOf(i)](i, input) };
}

type Told = Omit<Finding, "instance">;
/** What there is to say of an instance: its reason; of one that has ended in any way, how. */
type Subject = Exclude<InstanceReason, ExitReason> | "Ended";

/** The most telling first. One that leaves keeps the reason that it had before, and so does one that is ready. */
function subjectOf({ phase, reason, isReady, isDetached, isIsolated }: InstanceStatus): Subject {
  const isLeaving = reason === "SoftRestart" || reason === "Draining" || reason === "Stopping";
  if (reason === "NoRoom") return "NoRoom";
  if (phase === "Failed") return "Ended";
  if (phase === "Stopping") return isLeaving ? reason : "";
  if (isDetached) return "Detached";
  if (isIsolated) return "Isolated";
  if (isReady) return "";
  switch (reason) {
    case "Error":
    case "Completed":
    case "Lost":
    case "StartFailed":
    case "WarmUpFailed":
    case "OOMKilled":
    case "Unhealthy":
      return "Ended";
    default:
      return reason;
  }
}

/** What is said of each. */
const SENTENCES: Readonly<Record<Subject, (i: InstanceStatus, input: ExplainInput) => Told>> = {
  "": (i, input) => (i.phase === "Stopping" ? leaving(i, input) : serving(i, input)),
  Pending: pending,
  NoRoom: (i) => ({
    kind: "NoRoom",
    severity: "trouble",
    text: `Instance [${i.id}] is not started: the node has no room for it.`,
    causes: [`It ${i.message}.`, ...(i.lastExit === null ? [] : [`How it ended before: ${howItEnded(i)}.`])],
    advices: [
      "Stop or shrink something else, or ask for less: metadata.cpu and metadata.memory.",
      "With metadata.rolling_strategy.max_unavailable at 1, an update stops an old instance before it starts a new one.",
    ],
  }),
  Starting: (i) => ({
    kind: "Starting",
    severity: "waiting",
    text: `Instance [${i.id}] is being started.`,
    causes: [...failuresOf(i), "Its process is launched, and has said nothing yet."],
    advices: [],
  }),
  Loading: (i, { spec }) => ({
    kind: "Loading",
    severity: "waiting",
    text: `Instance [${i.id}] runs and is not ready: ${i.message || "it loads"}.`,
    causes: [...failuresOf(i), readyText(spec)],
    advices: [],
  }),
  WarmingUp: (i, { spec }) => ({
    kind: "WarmingUp",
    severity: "waiting",
    text: `Instance [${i.id}] has loaded and is not ready: ${i.message}.`,
    causes: [...failuresOf(i), readyText(spec), "Nobody else's requests are given to it before."],
    advices: [],
  }),
  NotReady: (i) => ({
    kind: "NotReady",
    severity: "trouble",
    text: `Instance [${i.id}] runs on and gets no requests for now: ${i.message || "it is not ready"}.`,
    causes: [
      "It was ready before. It is back in the traffic as soon as its readiness check and its port are good.",
    ],
    advices: [],
  }),
  Isolated: (i, { record }) => ({
    kind: "Isolated",
    severity: "info",
    text: `Instance [${i.id}] was isolated by hand: it runs on, and gets no requests.`,
    causes: [
      "It counts as one of the wanted instances, so none was started in its place.",
      ...(i.isReady ? [] : [`It would not get any now, either: it is not ready (${i.message || i.reason}).`]),
    ],
    advices: [`To give it requests again: sluice isolate ${record.name} ${i.id} --off.`],
  }),
  Detached: (i, { record, status }) => ({
    kind: "Detached",
    severity: "info",
    text: status.serving.includes(i.id)
      ? `Instance [${i.id}] was detached by hand and serves until the one in its place is ready.`
      : `Instance [${i.id}] was detached by hand: it runs on, and gets no requests.`,
    causes: ["UpdateServiceInstance with Detach; another instance takes its place."],
    advices: [`When it is no longer needed: sluice dw ${record.name} ${i.id}.`],
  }),
  SoftRestart: (i, input) => ({
    ...leaving(i, input),
    kind: "SoftRestart",
    text: `Instance [${i.id}] has left the traffic for its soft restart.`,
  }),
  Draining: (i) => ({
    kind: "Draining",
    severity: "waiting",
    text: `Instance [${i.id}] was told to end: it finishes what it has, and takes no more requests.`,
    causes: [
      "By Sluice before its control process was restarted, or by a signal from outside. If it is wanted, it is started again.",
    ],
    advices: [],
  }),
  Stopping: (i) => ({
    kind: "Stopping",
    severity: "waiting",
    text: `Instance [${i.id}] has left the traffic, and its processes are being ended.`,
    causes: ["When they are gone, it is started again if it is wanted."],
    advices: [],
  }),
  Stopped: (i) => ({
    kind: "Stopped",
    severity: "waiting",
    text: `Instance [${i.id}] has ended, as it was told to.`,
    causes: ["What is left of it is removed; if it is wanted, it is started again."],
    advices: [],
  }),
  Ended: explainEnd,
};

function serving(i: InstanceStatus, { status, record }: ExplainInput): Told {
  const isServing = status.serving.includes(i.id);
  const growth = i.memory?.growth;
  if (growth) {
    return {
      kind: "MemoryGrowing",
      severity: "trouble",
      text: `Instance [${i.id}] is ready, and ${growthText(growth)}.`,
      causes: [
        "Something is kept of each request: a list or a cache that nothing is ever removed from, or a library that does not free what it took.",
        ...startOf(i),
      ],
      advices: [
        `Until its processor is corrected, start it anew in time: sluice softrestart ${record.name} ${i.id}.`,
      ],
    };
  }
  return {
    kind: "Serving",
    severity: "info",
    text: `Instance [${i.id}] is ready and ${isServing ? "gets requests" : "gets no requests: it is not wanted any more"}.`,
    causes: [...(i.message === "" ? [] : [i.message]), ...startOf(i)],
    advices: [],
  };
}

/** How long it took to be ready. */
const startOf = ({ stages }: InstanceStatus) => (stages ? [`It was ready after ${startText(stages)}.`] : []);

/** It has left the route table, and waits for gateways to let go of it. */
function leaving(i: InstanceStatus, { gateways, nowMs, spec }: ExplainInput): Told {
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
  return {
    kind: "Draining",
    severity: "waiting",
    text: `Instance [${i.id}] has left the traffic and is about to end.`,
    causes: [...waits, end],
    advices: waits.length > 0 ? ["To wait longer or shorter: metadata.eas.termination_grace_period."] : [],
  };
}

function pending(i: InstanceStatus, { status }: ExplainInput): Told {
  if (status.reason === "FETCH_FAILED") {
    return {
      kind: "FilesMissing",
      severity: "trouble",
      text: `Instance [${i.id}] is not started: its files are not here.`,
      causes: [`${status.message}.`],
      advices: ["Correct the source in the spec, or put the file there."],
    };
  }
  const fetching = status.progress.findLast((line) => FETCHING.test(line));
  const isHere = status.progress.some((line) => /^(Waiting|Running) \[/.test(line));
  return {
    kind: "Pending",
    severity: "waiting",
    text: `Instance [${i.id}] is not started yet.`,
    causes: [
      ...failuresOf(i),
      fetching === undefined || isHere
        ? "It waits for its turn: no more than the wanted instances and the surge run at a time, and files come first."
        : `It waits for its files: ${fetching}.`,
    ],
    advices: [],
  };
}

/** What the model cache and the environments say while they bring files and packages (adapters/model-cache, adapters/python-environments). */
export const FETCHING = /^(Downloading|Unpacking|Fetching|Installing|Making|Waiting until) /;

const failuresOf = (i: InstanceStatus): string[] =>
  i.failuresInARow > 0 ? [`It has failed ${i.failuresInARow} times in a row before.`] : [];

/** When it counts as ready. */
function readyText(spec: ExplainInput["spec"]): string {
  if (spec?.processor.kind === "command") {
    const { startup, readiness } = spec.processor.health ?? {};
    const names = [startup && "startup", readiness && "readiness"].filter((name) => name !== undefined);
    if (names.length === 0) return "It is ready when it listens on its port.";
    return `It is ready when it listens on its port, and its ${names.join(" and its ")} check ${names.length > 1 ? "are" : "is"} good.`;
  }
  return spec?.warmUp
    ? "It is ready when its processor has loaded and has answered every request of warm_up_data_path with 200 to 299."
    : "It is ready when its processor has loaded.";
}
