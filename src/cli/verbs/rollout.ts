import type { Input, ResponseOf } from "../../api/operations.ts";
import { EXIT, Misuse } from "../cli-io.ts";
import type { Session } from "../session.ts";
import { textOption, type VerbOptions, type VerbRun } from "../verb.ts";
import { askedToWait, type ServicePath, waitUntilSettled } from "../wait.ts";

type Body = Input<"UpdateServiceRollout">["body"];

const ACTIONS = ["status", "pause", "resume", "off"];

/** `rollout <service> [status|pause|resume|off]`, or with options the rule itself. */
export const run: VerbRun = async (session, [service, action], options) => {
  const wait = askedToWait(options);
  const body = bodyOf(options);
  const isRule = Object.keys(body).length > 0;
  if (action !== undefined && !ACTIONS.includes(action))
    throw new Misuse(`rollout ${service} ${action}: one of ${ACTIONS.join(", ")}, or options`);
  if (isRule && action !== undefined && action !== "pause" && action !== "resume")
    throw new Misuse(`--partition, --batch and --interval do not go with ${action}`);
  const path = await session.service(service!);
  if (!isRule && (action === undefined || action === "status")) return show(session, path);
  if (action === "off") {
    const answer = await session.client.call("DeleteServiceRollout", { path });
    session.show(answer);
    session.ok(answer.Message);
    return waitUntilSettled(session, path, wait);
  }
  const paused = action === undefined ? {} : { Paused: action === "pause" };
  const answer = await session.client.call("UpdateServiceRollout", { path, body: { ...body, ...paused } });
  session.show(answer);
  session.ok(answer.Message);
  return waitUntilSettled(session, path, wait);
};

function bodyOf(options: VerbOptions): Body {
  const partition = textOption(options, "partition");
  const batch = textOption(options, "batch");
  const interval = textOption(options, "interval");
  if (interval !== undefined && batch === undefined)
    throw new Misuse("--interval belongs to --batch: name it, too");
  return {
    ...(partition === undefined ? {} : { Partition: { Partition: partition } }),
    ...(batch === undefined
      ? {}
      : { Batch: { BatchSize: batch, ...(interval === undefined ? {} : { Interval: interval }) } }),
  };
}

async function show(session: Session, path: ServicePath) {
  const answer = await session.client.call("DescribeServiceRollout", { path });
  session.show(answer, () => session.keys(rowsOf(answer.Rollout)));
  return EXIT.done;
}

function rowsOf({ Status, Strategy }: ResponseOf<"DescribeServiceRollout">["Rollout"]): [string, string][] {
  const { Batch, Partition } = Strategy;
  return [
    ["Phase", Status.Phase],
    ["Updated", `${Status.UpdatedReplicas} of ${Status.TotalReplicas}`],
    ["From version", Status.CurrentRevision],
    ["To version", Status.UpdateRevision],
    ["Next batch", Status.NextBatchStartTime === "" ? "" : `${Status.NextBatchStartTime} UTC`],
    ["Partition", Partition?.Partition ?? "0"],
    ["Batch", Batch === undefined ? "" : `${Batch.BatchSize}, ${Batch.Interval ?? "0s"} apart`],
    ["Message", Status.Message],
  ];
}
