import type { Amount } from "./spec/rolling.ts";

/**
 * How far and how fast an update may go (Rollout API, eas-reference §6.4). It belongs to the service, holds for every change of its version, and
 * holds back nothing when it is {@link OPEN_RULE}.
 */
export interface RolloutRule {
  /** Instances that stay at the version before; a percentage is rounded up (decision 0025). */
  readonly partition: Amount;
  /** Null: all that the partition lets through, at the pace of `metadata.rolling_strategy`. */
  readonly batch: RolloutBatch | null;
  readonly isPaused: boolean;
}

export interface RolloutBatch {
  /** Instances of one batch; a percentage is of the wanted count, rounded down, at least 1. */
  readonly size: Amount;
  /** From all of a batch being ready to the begin of the next one. */
  readonly intervalMs: number;
}

/** Holds back nothing. */
export const OPEN_RULE: RolloutRule = {
  partition: { kind: "count", count: 0 },
  batch: null,
  isPaused: false,
};

/** What the instances of one kind have in common in their names; see instanceId. */
export interface Revision {
  readonly version: number;
  readonly epoch: number;
  readonly retiredSlots: readonly number[];
}

/** How far an update has come, kept in the status: what only the planner's memory can tell. */
export interface RolloutProgress {
  /** The version that is rolled out; progress of another one counts for nothing. */
  readonly version: number;
  /** Instances that shall run it now; the others stay at the version before. */
  readonly wantedCount: number;
  /** Of these, the ready ones. */
  readonly readyCount: number;
  /** `wantedCount` grows only by batches, or not at all. */
  readonly isHeld: boolean;
  /** Wall clock; null: no batch waits for its time. */
  readonly nextBatchAtMs: number | null;
  readonly phase: "Pending" | "Running" | "Paused" | "Completed" | "Failed";
}

/** Longest interval between batches that is taken: a week. */
export const INTERVAL_MS_MAX = 7 * 24 * 3_600_000;

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** `5m`, `90s`, `1h30m`, `0`; without a unit seconds. Null: not such a text, or longer than {@link INTERVAL_MS_MAX}. */
export function readInterval(text: string): number | null {
  if (/^\d{1,9}$/.test(text)) return bounded(Number(text) * 1000);
  if (!/^(\d{1,9}(ms|s|m|h))+$/.test(text)) return null;
  const parts = [...text.matchAll(/(\d+)(ms|s|m|h)/g)];
  return bounded(parts.reduce((sum, p) => sum + Number(p[1]) * UNIT_MS[p[2] as keyof typeof UNIT_MS], 0));
}

const bounded = (ms: number) => (ms <= INTERVAL_MS_MAX ? ms : null);

/** The shortest such text: `5m`, `1h30m`, `0s`. */
export function intervalText(ms: number): string {
  let rest = ms;
  let text = "";
  for (const unit of ["h", "m", "s", "ms"] as const) {
    const count = Math.floor(rest / UNIT_MS[unit]);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * UNIT_MS[unit];
  }
  return text === "" ? "0s" : text;
}

/** `3`, or `50%`; null: neither. */
export function readPart(text: string): Amount | null {
  if (/^\d{1,4}$/.test(text)) return { kind: "count", count: Number(text) };
  if (/^(100|\d{1,2})%$/.test(text)) return { kind: "percent", percent: Number(text.slice(0, -1)) };
  return null;
}
