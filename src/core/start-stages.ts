/**
 * How long the stages of a start-up took. Of a version, once: `processor fetch`, `environment`, `model fetch`, `warm-up fetch`. Of each
 * instance, in this order: `start` (its processes, until a worker has connected), what the worker itself tells apart (`import`),
 * `load`, and `warm-up`. A stage begins when the one before it ends; one that there was no need for is not there.
 */
export interface StageTime {
  readonly name: string;
  /** In ms, from 0. */
  readonly ms: number;
}

/** Stages that a worker may tell, and how long their names may be. */
const TOLD_MAX = 8;
const NAME_LENGTH_MAX = 32;

/**
 * What a worker told of the time until it was loaded (`stages` of its READY), with the rest of `totalMs` as `load`. Entries that are no
 * stages, or that add up to more than there was, are left out: a worker's word changes no other figure.
 */
export function loadingStages(told: unknown, totalMs: number): StageTime[] {
  const stages: StageTime[] = [];
  let leftMs = totalMs;
  for (const entry of Array.isArray(told) ? told.slice(0, TOLD_MAX) : []) {
    const { name, ms } = (typeof entry === "object" && entry !== null ? entry : {}) as Record<
      string,
      unknown
    >;
    if (typeof name !== "string" || name === "" || name.length > NAME_LENGTH_MAX) continue;
    if (typeof ms !== "number" || !(ms >= 0) || ms > leftMs) continue;
    stages.push({ name, ms: Math.round(ms) });
    leftMs -= ms;
  }
  return [...stages, { name: "load", ms: Math.round(leftMs) }];
}

export const totalMs = (stages: readonly StageTime[]): number => stages.reduce((sum, { ms }) => sum + ms, 0);

const stagesText = (stages: readonly StageTime[]): string =>
  stages.map(({ name, ms }) => `${name} ${secondsText(ms)}`).join(", ");

/** `2.41 s: start 0.10 s, import 1.90 s, load 0.41 s` */
export const startText = (stages: readonly StageTime[]): string =>
  `${secondsText(totalMs(stages))}: ${stagesText(stages)}`;

/** To a hundredth of a second: `2.31 s`. */
const secondsText = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
