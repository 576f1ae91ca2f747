import type { InstanceId } from "../names.ts";

/** One thing to know of a service: what is so, why, what it waits for, and what helps. Whole sentences, for people. */
export interface Finding {
  /** One word for programs, e.g. `InstanceCrashing`. */
  readonly kind: string;
  /** `trouble`: somebody has to act. `waiting`: it goes on by itself. `info`: so it was asked for. */
  readonly severity: "trouble" | "waiting" | "info";
  /** The instance it is about, if one. */
  readonly instance: InstanceId | null;
  readonly text: string;
  readonly causes: readonly string[];
  readonly advices: readonly string[];
}

export interface Explanation {
  /** The state in one sentence. */
  readonly summary: string;
  /** The most pressing first; never empty. */
  readonly findings: readonly Finding[];
}

const RANK = { trouble: 0, waiting: 1, info: 2 } as const;

/** The most pressing first, else in the order they were found. */
export const byUrgency = (a: Finding, b: Finding): number => RANK[a.severity] - RANK[b.severity];

/** `0.4 s`, `12 s`, `5 min`: as exact as a person needs it. */
export function timeText(ms: number): string {
  if (ms < 10_000) return `${Math.max(0, Math.round(ms / 100) / 10)} s`;
  return ms < 120_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`;
}

/** `1 instance`, `2 instances` */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;
