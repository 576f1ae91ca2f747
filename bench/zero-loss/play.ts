import { setTimeout as pause } from "node:timers/promises";
import { monotonicMs } from "../load/ledger-entry.ts";
import { mayOverlap, type Step } from "./operation-plan.ts";
import type { Outcome, Performance } from "./performer.ts";

/** Operations under way at once. */
const OPEN_MAX = 3;

/** One operation as it went. Times are of CLOCK_MONOTONIC in ms. */
export interface Played {
  readonly step: Step;
  readonly startedAtMs: number;
  readonly acceptedAtMs: number;
  readonly endedAtMs: number;
  readonly outcome: Outcome;
  /** Others that were under way when it began. */
  readonly besides: number;
}

/**
 * Performs the steps in order. One that overlaps begins while others are under way, as long as these allow it; the next one always
 * waits until the one before was accepted.
 */
export async function playSteps(
  steps: readonly Step[],
  perform: (step: Step) => Performance,
  seen: (played: Played) => void,
): Promise<Played[]> {
  const open = new Map<Step, Promise<void>>();
  const all: Played[] = [];
  for (const step of steps) {
    const mayBegin = () =>
      step.isOverlapping
        ? open.size < OPEN_MAX && [...open.keys()].every((other) => mayOverlap(other, step))
        : open.size === 0;
    while (!mayBegin()) await Promise.race(open.values());
    if (open.size > 0) await pause(step.gapMs);
    const besides = open.size;
    const startedAtMs = monotonicMs();
    const { accepted, effect } = perform(step);
    let acceptedAtMs = 0;
    const end = effect.then((outcome) => {
      const played = { step, startedAtMs, acceptedAtMs, endedAtMs: monotonicMs(), outcome, besides };
      all.push(played);
      open.delete(step);
      seen(played);
    });
    end.catch(() => {}); // awaited above and below
    open.set(step, end);
    await accepted;
    acceptedAtMs = monotonicMs();
  }
  await Promise.all(open.values());
  return all;
}
