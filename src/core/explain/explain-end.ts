import { exitText } from "../plan/assess.ts";
import { FAILING_AFTER } from "../plan/backoff.ts";
import { asExitReason, type ExitReason } from "../reasons.ts";
import type { InstanceStatus } from "../service.ts";
import type { ExplainInput } from "./explain-input.ts";
import { type Finding, timeText } from "./finding.ts";

type Told = Omit<Finding, "instance">;

interface End {
  /** What such an end means. */
  readonly cause: (input: ExplainInput) => string;
  /** What helps against this one; "": nothing special. */
  readonly advice: string;
}

/** What is said of each way to end. */
const ENDS: Readonly<Record<ExitReason, End>> = {
  Error: {
    cause: () => "Its program failed: it exited with an error, was killed, or its processor died too often.",
    advice: "",
  },
  Completed: {
    cause: () => "Its program ended by itself and without an error; that of a service has to go on.",
    advice: "",
  },
  Lost: {
    cause: () => "Nobody saw it end: the machine was restarted, or it was killed while Sluice was not there.",
    advice: "",
  },
  StartFailed: {
    cause: () => "It could not be started, or could not load its processor or its model.",
    advice: "",
  },
  WarmUpFailed: {
    cause: () =>
      "It has loaded, and its warm-up failed: a request was not answered with 200 to 299, or its file cannot be used.",
    advice:
      "Correct what warm_up_data_path names, or the processor that answers it; without the field there is no warm-up.",
  },
  OOMKilled: {
    cause: ({ spec }) => {
      const allowed = spec === null ? "" : `, ${spec.memoryMb} MB`;
      return `It needed more memory than it may have${allowed} (metadata.memory).`;
    },
    advice: "Give it more memory, or fewer requests at once: metadata.memory, metadata.rpc.worker_threads.",
  },
  Unhealthy: {
    cause: () => "Its startup check or its liveness check failed as often as it may, so it was ended.",
    advice:
      "If it is only slow, give the check more time: initial_delay_seconds, timeout_seconds, failure_threshold.",
  },
};

/** Why an instance has ended, and when it is started again. */
export function explainEnd(i: InstanceStatus, input: ExplainInput): Told {
  const { record, tails } = input;
  const isLoop = i.failuresInARow >= FAILING_AFTER;
  const tail = tails.get(i.id) ?? [];
  const end = ENDS[asExitReason(i.lastExit?.reason ?? i.reason)];
  return {
    kind: isLoop ? "InstanceCrashing" : "InstanceCrashed",
    severity: "trouble",
    text: textOf(i, isLoop),
    causes: [
      end.cause(input),
      ...(isTold(i) ? [] : [`How it ended: ${howItEnded(i)}.`]),
      againText(i, input),
      ...(tail.length === 0 ? [] : [`Its last log lines: ${tail.join(" ⏎ ")}`]),
    ],
    advices: [
      ...(end.advice === "" ? [] : [end.advice]),
      `Read its log: sluice logs ${record.name} --instance ${i.id}.`,
      ...(isLoop
        ? ["Correct the processor, its files or the spec, then sluice modify; what fails is replaced first."]
        : []),
    ],
  };
}

/** It could not load and has said why, or its warm-up has. */
const isTold = ({ lastExit }: InstanceStatus) =>
  (lastExit?.reason === "StartFailed" || lastExit?.reason === "WarmUpFailed") && lastExit.message !== "";

/** What is wrong comes first, if it is known. */
function textOf(i: InstanceStatus, isLoop: boolean): string {
  const times = isLoop ? ` ${i.failuresInARow} times in a row` : "";
  if (isTold(i)) {
    const verb = i.lastExit?.reason === "WarmUpFailed" ? "has failed its warm-up" : "could not be started";
    return `Instance [${i.id}] ${verb}${times}: ${withStop(howItEnded(i))}`;
  }
  return isLoop
    ? `Instance [${i.id}] fails over and over,${times}.`
    : `Instance [${i.id}] has ended and is not ready.`;
}

const withStop = (text: string) => (/[.!?]$/.test(text) ? text : `${text}.`);

export const howItEnded = (i: InstanceStatus): string =>
  i.lastExit === null ? i.message || i.reason : exitText(i.lastExit);

function againText(i: InstanceStatus, { spec, nowMs }: ExplainInput): string {
  if (i.isDetached) return "It is detached, so it is not started again.";
  if (spec?.isCrashBlocked) return "runtime.enable_crash_block keeps it as it is, for inspection.";
  if (i.backoffUntilMs === null || i.backoffUntilMs <= nowMs)
    return "It is started again now, as soon as the number of instances and the room allow it.";
  return `It is started again in ${timeText(i.backoffUntilMs - nowMs)}; the wait doubles with each failure, up to a minute.`;
}
