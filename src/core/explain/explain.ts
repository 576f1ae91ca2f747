/**
 * Why a service is in its present state and what it waits for, in plain words: what is wanted, what is so, and what the
 * gateways said, put side by side. Nothing is decided here; each sentence follows from a value that a decision was made from.
 */
import { instanceCountOf } from "../change/decision.ts";
import { ruleText } from "../change/rollout.ts";
import type { ExplainInput } from "./explain-input.ts";
import { explainInstance, FETCHING } from "./explain-instance.ts";
import { stateText } from "./explain-state.ts";
import { explainTraffic } from "./explain-traffic.ts";
import { byUrgency, counted, type Explanation, type Finding, timeText } from "./finding.ts";

export function explainService(input: ExplainInput): Explanation {
  const { status } = input;
  const instances = status.instances
    .map((i) => explainInstance(i, input))
    .filter((f) => f.kind !== "Serving");
  const findings = [...ofService(input), ...instances, ...explainTraffic(input)].sort(byUrgency);
  return { summary: summaryOf(input), findings: findings.length > 0 ? findings : [ALL_IS_WELL] };
}

const ALL_IS_WELL: Finding = {
  kind: "AllIsWell",
  severity: "info",
  instance: null,
  text: "All is as wanted; it waits for nothing.",
  causes: [],
  advices: [],
};

function summaryOf({ record, status }: ExplainInput): string {
  const count = record.desired === "running" ? instanceCountOf(record.document) : 0;
  const serving = `${status.serving.length} of ${counted(count, "wanted instance")} serving`;
  const state = `Service [${record.name}] is ${status.phase}, version ${record.version}, ${serving}: ${status.message}`;
  const meaning = stateText(status.reason);
  return meaning === null ? state : `${state}. ${meaning}`;
}

/** What holds of the service as a whole. */
function ofService(input: ExplainInput): Finding[] {
  const told = [
    ...ofDesire(input),
    ...ofFiles(input),
    ...ofUpdate(input),
    ...ofCount(input),
    ...ofSoftRestarts(input),
    ...ofLock(input),
  ];
  return told.map((t) => ({ ...t, instance: null }));
}

type Told = Omit<Finding, "instance">;

function ofDesire({ record, command, status }: ExplainInput): Told[] {
  if (record.desired === "running") return [];
  const by =
    command === null
      ? "By a command that is too old to be remembered."
      : `By a command at ${new Date(command.atMs).toISOString().slice(0, 19)}Z: ${command.message}.`;
  const left = status.instances.length;
  const waits = left === 0 ? [] : [`${counted(left, "instance")} of it must end first.`];
  if (record.desired === "deleted") {
    return [
      {
        kind: "Deleting",
        severity: "waiting",
        text: "It is being deleted.",
        causes: [by, ...waits],
        advices: [],
      },
    ];
  }
  return [
    {
      kind: left === 0 ? "Stopped" : "Stopping",
      severity: left === 0 ? "info" : "waiting",
      text:
        left === 0
          ? "It is stopped: its address answers 503."
          : "It is being stopped: its address answers 503.",
      causes: [by, ...waits, "Spec, address, tokens and share of the group stay."],
      advices: [`To start it: sluice start ${record.name}.`],
    },
  ];
}

function ofFiles({ record, status }: ExplainInput): Told[] {
  if (record.desired !== "running") return [];
  if (status.reason === "FETCH_FAILED") {
    return [
      {
        kind: "FetchFailed",
        severity: "trouble",
        text: "The files of its version could not be brought here, so no instance of it is started.",
        causes: [
          `${status.message}.`,
          "What was there before keeps serving. A failure that may pass is tried again by itself.",
        ],
        advices: [
          "Correct model_path, processor_path or warm_up_data_path, or put the file there, then sluice modify.",
        ],
      },
    ];
  }
  const last = status.progress.at(-1);
  const isFetching = last !== undefined && FETCHING.test(last);
  return isFetching
    ? [
        {
          kind: "Fetching",
          severity: "waiting",
          text: "The files of its version are on their way.",
          causes: [
            `${last}.`,
            "Instances are started when they are here; what was there before keeps serving.",
          ],
          advices: [],
        },
      ]
    : [];
}

/** Why an update does not go on, or what its next step waits for. */
function ofUpdate({ record, status, nowMs }: ExplainInput): Told[] {
  const from = record.updatingFrom;
  const step = status.rollout ?? null;
  if (!from || record.desired !== "running" || step?.version !== record.version) return [];
  const count = instanceCountOf(record.document);
  const split = `${step.wantedCount} of ${counted(count, "instance")} shall run version ${record.version}, and ${step.readyCount} of them are ready.`;
  const rule = `The rule of its rollout: ${ruleText(record.rollout ?? null)}.`;
  const { name } = record;
  if (step.phase === "Failed" || status.reason === "UPDATE_FAILING") {
    return [
      {
        kind: "UpdateFailing",
        severity: "trouble",
        text: `The update to version ${record.version} has paused itself: its new instances fail. Version ${from.version} keeps serving.`,
        causes: [split, "No further instance is begun, and none of the version before is stopped."],
        advices: [
          `Go back: sluice version ${name} ${from.version}. Or correct it with sluice modify: what fails is replaced first.`,
        ],
      },
    ];
  }
  if (step.phase === "Paused") {
    return [
      {
        kind: "RolloutPaused",
        severity: "info",
        text: `The rollout of version ${record.version} is paused by hand.`,
        causes: [split, rule],
        advices: [`To go on: sluice rollout ${name} resume.`],
      },
    ];
  }
  if (step.nextBatchAtMs !== null) {
    return [
      {
        kind: "BatchWaiting",
        severity: "waiting",
        text: `The next batch of version ${record.version} begins in ${timeText(step.nextBatchAtMs - nowMs)}.`,
        causes: [split, rule],
        advices: [`To let it all go at once: sluice rollout ${name} off.`],
      },
    ];
  }
  const isHeldBack = step.wantedCount < count;
  if (isHeldBack && step.readyCount === step.wantedCount) {
    return [
      {
        kind: "PartitionKept",
        severity: "info",
        text: `${counted(count - step.wantedCount, "instance")} stay at version ${from.version}, by the partition.`,
        causes: [split, rule],
        advices: [`To update all: sluice rollout ${name} off.`],
      },
    ];
  }
  return [
    {
      kind: "Updating",
      severity: "waiting",
      text: `The update from version ${from.version} to version ${record.version} goes on.`,
      causes: [split, "Each old instance serves until a new one is ready in its place."],
      advices: [],
    },
  ];
}

function ofCount({ record }: ExplainInput): Told[] {
  if (record.desired !== "running" || instanceCountOf(record.document) > 0) return [];
  return [
    {
      kind: "NoInstanceWanted",
      severity: "info",
      text: "It was scaled to 0 instances: its address answers 503.",
      causes: [],
      advices: [`To have instances: sluice scale ${record.name} <n>.`],
    },
  ];
}

/** Soft restarts that were asked for and are not done; how one loads again is told of the instance. */
function ofSoftRestarts({ record, status }: ExplainInput): Told[] {
  const due = record.desired === "running" ? status.instances.filter((i) => i.isRestartDue) : [];
  const leaving = due.filter((i) => i.reason === "SoftRestart");
  const waiting = due.filter((i) => !leaving.includes(i)).map((i) => i.id);
  if (due.length === 0) return [];
  const verb = waiting.length === 1 ? "waits" : "wait";
  const turn = "One that serves leaves the traffic when all others serve and its files are here.";
  return [
    {
      kind: "SoftRestarting",
      severity: "waiting",
      text:
        leaving.length > 0
          ? `Processors are restarted by hand, one at a time; ${leaving[0]!.id} is the one now.`
          : `A restart of processors was asked for by hand and waits: ${waiting.join(", ")}.`,
      causes:
        leaving.length > 0 && waiting.length > 0
          ? [`${waiting.join(", ")} ${verb} for ${waiting.length === 1 ? "its" : "their"} turn.`, turn]
          : [turn],
      advices: [],
    },
  ];
}

function ofLock({ record }: ExplainInput): Told[] {
  const lock = record.lock ?? "none";
  if (lock === "none") return [];
  return [
    {
      kind: "Locked",
      severity: "info",
      text:
        lock === "all"
          ? "Its safety lock refuses every change."
          : "Its safety lock refuses to delete it, to stop it, to scale it to 0 and to delete its instances.",
      causes: [`The lock is ${lock}. What goes on by itself, such as a restart after a crash, goes on.`],
      advices: [`To take it off: sluice lock ${record.name} none.`],
    },
  ];
}
