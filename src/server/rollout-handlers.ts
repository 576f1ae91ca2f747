import type { Input } from "../api/operations.ts";
import type { OperationName } from "../api/paths.ts";
import { instanceCountOf } from "../core/change/decision.ts";
import { ruleText } from "../core/change/rollout.ts";
import { type Problem, ServingError } from "../core/errors.ts";
import { intervalText, OPEN_RULE, type RolloutRule, readInterval, readPart } from "../core/rollout.ts";
import type { ServiceRecord, ServiceStatus } from "../core/service.ts";
import { amountText } from "../core/spec/rolling.ts";
import type { ServerDeps } from "./deps.ts";
import { type Handler, serviceIn, serviceName } from "./handler.ts";
import { rolloutTime } from "./time.ts";

type Rollout = Extract<OperationName, `${string}ServiceRollout`>;
type Body = Input<"UpdateServiceRollout">["body"];

/** Operations on the rollout of one service. */
export const ROLLOUT_HANDLERS: { readonly [N in Rollout]: Handler<N> } = {
  async CreateServiceRollout({ path, body }, deps) {
    const name = serviceName(path.ServiceName);
    return accepted(await deps.control.createRollout({ name, change: ruleOf(body) }), deps);
  },
  async UpdateServiceRollout({ path, body }, deps) {
    const name = serviceName(path.ServiceName);
    return accepted(await deps.control.updateRollout({ name, change: ruleOf(body) }), deps);
  },
  async DeleteServiceRollout({ path }, deps) {
    return accepted(await deps.control.deleteRollout(serviceName(path.ServiceName)), deps);
  },
  async DescribeServiceRollout({ path }, deps) {
    const picture = await deps.control.read();
    const record = serviceIn(picture, path.ServiceName);
    const status = picture.statuses.get(record.name) ?? null;
    return {
      Rollout: { Status: statusView(record, status), Strategy: strategyView(record.rollout ?? null) },
    };
  },
};

const accepted = (record: ServiceRecord, { region }: ServerDeps) => ({
  Message: `Rollout of service [${record.name}] in region [${region}]: ${ruleText(record.rollout ?? null)}`,
  Generation: record.generation,
});

function ruleOf({ Partition, Batch, Paused }: Body): Partial<RolloutRule> {
  const problems: Problem[] = [];
  const partition = Partition === undefined ? undefined : readPart(Partition.Partition);
  if (partition === null) problems.push(problem("$.Partition.Partition", Partition!.Partition, PART));
  const size = Batch === undefined ? undefined : readPart(Batch.BatchSize);
  const isNone = size?.kind === "count" ? size.count === 0 : size?.percent === 0;
  if (size === null || isNone)
    problems.push(problem("$.Batch.BatchSize", Batch!.BatchSize, `${PART}, above 0`));
  const intervalMs = readInterval(Batch?.Interval ?? "0");
  if (intervalMs === null) {
    const allowed = "a time such as 5m, 90s or 1h30m, at most a week (168h)";
    problems.push(problem("$.Batch.Interval", Batch!.Interval!, allowed));
  }
  if (problems.length > 0) throw new ServingError("INVALID_ARGUMENT", { problems });
  return {
    ...(partition ? { partition } : {}),
    ...(size && intervalMs !== null ? { batch: { size, intervalMs } } : {}),
    ...(Paused === undefined ? {} : { isPaused: Paused }),
  };
}

const PART = "a number of instances, or a part from 0% to 100%";
const problem = (path: string, found: string, allowed: string): Problem => ({
  path,
  found: JSON.stringify(found.slice(0, 80)),
  allowed,
});

function statusView(record: ServiceRecord, status: ServiceStatus | null) {
  const total = instanceCountOf(record.document);
  const from = record.updatingFrom ?? null;
  const progress = status?.rollout?.version === record.version ? status.rollout : null;
  const updated = (status?.instances ?? []).filter(
    (i) => i.isReady && i.version === record.version && i.epoch === record.epoch,
  ).length;
  const Phase = from === null ? ("Completed" as const) : (progress?.phase ?? ("Pending" as const));
  const nextAtMs = from === null ? null : (progress?.nextBatchAtMs ?? null);
  return {
    Phase,
    TotalReplicas: total,
    UpdatedReplicas: Math.min(updated, total),
    CurrentRevision: String(from?.version ?? record.version),
    UpdateRevision: String(record.version),
    NextBatchStartTime: nextAtMs === null ? "" : rolloutTime(nextAtMs),
    Message: from === null ? `all instances run version ${record.version}` : (status?.message ?? ""),
  };
}

function strategyView(rule: RolloutRule | null) {
  if (rule === null) return {};
  const { partition, batch, isPaused } = rule;
  const isOpen = amountText(partition) === amountText(OPEN_RULE.partition);
  return {
    ...(isOpen ? {} : { Partition: { Partition: amountText(partition) } }),
    ...(batch === null
      ? {}
      : { Batch: { BatchSize: amountText(batch.size), Interval: intervalText(batch.intervalMs) } }),
    Paused: isPaused,
  };
}
