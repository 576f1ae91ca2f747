/**
 * How many of the wanted instances shall run the version in force, while an update goes on: the rest stays at the version before.
 *
 * - Without a rule, or with one that holds back nothing: all of them, and the pace of `rolling_strategy` is the only brake.
 * - A partition keeps so many at the version before, for as long as it stands. Raised, it takes instances back.
 * - With batches the number grows by one batch, when all that shall run the version do so and are ready, and the interval
 *   since then is over. The first batch begins at once.
 * - Paused, the number stays. What was started before the pause is finished, nothing more is begun.
 *
 * A change of the wanted count moves the part that is at the version before; the number only shrinks where the count does.
 */
import { OPEN_RULE, type RolloutProgress, type RolloutRule } from "../rollout.ts";
import type { ServiceRecord } from "../service.ts";
import { amountOf } from "../spec/rolling.ts";

export interface StepInput {
  readonly record: ServiceRecord;
  /** Instances wanted of the running service. */
  readonly count: number;
  readonly previous: RolloutProgress | null;
  /** By slot, lowest first: what the instances of the version in force are. */
  readonly updated: readonly { readonly isAlive: boolean; readonly isReady: boolean }[];
  /** A new instance fails: no further batch. */
  readonly isFailing: boolean;
  readonly nowMs: number;
}

/** Null when no update goes on. `phase` and `readyCount` are for the status. */
export function rolloutStep(input: StepInput): RolloutProgress | null {
  const { record, updated } = input;
  const before = input.previous?.version === record.version ? input.previous : null;
  if (!record.updatingFrom) return null;
  if (record.desired !== "running") return before === null ? null : { ...before, phase: "Pending" };
  const rule = record.rollout ?? OPEN_RULE;
  const limit = Math.max(0, input.count - amountOf(rule.partition, input.count, Math.ceil));
  const next = grown(input, rule, limit, before);
  const readyCount = updated.slice(0, next.wantedCount).filter((i) => i.isReady).length;
  const isBegun = updated.some((i) => i.isAlive) || next.wantedCount === 0;
  const phase = rule.isPaused ? "Paused" : input.isFailing ? "Failed" : isBegun ? "Running" : "Pending";
  return { version: record.version, ...next, readyCount, phase };
}

type Grown = Pick<RolloutProgress, "wantedCount" | "isHeld" | "nextBatchAtMs">;

function grown(input: StepInput, rule: RolloutRule, limit: number, before: RolloutProgress | null): Grown {
  const { updated, count, isFailing, nowMs } = input;
  if (!rule.isPaused && rule.batch === null)
    return { wantedCount: limit, isHeld: false, nextBatchAtMs: null };
  // What nothing held back until now goes no further than it has come: what is started is finished.
  const startedCount = updated.filter((i) => i.isAlive).length;
  const reached = before === null ? 0 : before.isHeld ? before.wantedCount : startedCount;
  const wantedCount = Math.min(reached, limit);
  const held = { wantedCount, isHeld: true, nextBatchAtMs: before?.nextBatchAtMs ?? null };
  if (rule.isPaused || rule.batch === null) return held;
  const isComplete = updated.slice(0, wantedCount).every((i) => i.isReady);
  if (wantedCount >= limit || !isComplete || isFailing) return { ...held, nextBatchAtMs: null };
  // A clock that went back between two lives of the process must not make the wait longer.
  const dueAtMs = Math.min(held.nextBatchAtMs ?? Number.POSITIVE_INFINITY, nowMs + rule.batch.intervalMs);
  if (wantedCount > 0 && dueAtMs > nowMs) return { ...held, nextBatchAtMs: dueAtMs };
  const size = Math.max(1, amountOf(rule.batch.size, count, Math.floor));
  return { wantedCount: Math.min(limit, wantedCount + size), isHeld: true, nextBatchAtMs: null };
}
