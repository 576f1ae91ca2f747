/**
 * Every reason that a service, an instance or the end of one can have: one word for programs. Each has its sentences in core/explain,
 * which does not compile without them.
 */
import type { ServicePhase } from "./service.ts";

export const EXIT_REASONS = [
  /** It failed: an exit code, a signal, a processor that died too often. */
  "Error",
  /** It exited with 0 although nobody asked it to. */
  "Completed",
  /** Nobody saw it end. */
  "Lost",
  /** It could not be started, or could not load its processor or model. */
  "StartFailed",
  /** A warm-up request failed, or the files of the warm-up cannot be used. */
  "WarmUpFailed",
  /** Out of memory (core/health/exit-reason.ts); the word of eas-reference §2.1, `w`. */
  "OOMKilled",
  /** Ended because its startup or liveness check failed. */
  "Unhealthy",
] as const;

/** Why an instance ended. */
export type ExitReason = (typeof EXIT_REASONS)[number];

/** Why an instance is not running, not ready, or without requests. `""`: all is well. */
export type InstanceReason =
  | ""
  /** Not started yet. */
  | "Pending"
  /** Not started, for the node has no room for it. */
  | "NoRoom"
  /** Told to start; it has said nothing yet. */
  | "Starting"
  | "Loading"
  /** It has loaded, and answers its warm-up requests. */
  | "WarmingUp"
  /** It was ready, goes on, and its checks are not good now. */
  | "NotReady"
  | "Isolated"
  | "Detached"
  | "SoftRestart"
  /** It was told to end, and takes no more requests. */
  | "Draining"
  /** Its end is under way. */
  | "Stopping"
  | "Stopped"
  /** It has failed, and is started again later or kept. */
  | ExitReason;

/** Why a service is in its phase. */
export type ServiceReason =
  /** Nothing but what the phase says. */
  | Uppercase<Exclude<ServicePhase, "Failed">>
  /** The files of its version could not be brought here. */
  | "FETCH_FAILED"
  /** An instance does not fit on the node. */
  | "NO_ROOM"
  /** No instance comes up: each fails over and over. */
  | "CRASHING"
  /** The same, and they are kept for inspection. */
  | "CRASH_BLOCKED"
  /** New instances of an update fail; what was there before serves. */
  | "UPDATE_FAILING"
  /** The next batch of a rollout waits for its time. */
  | "BATCH_WAITING";

/** What a file of an older or newer Sluice says may be no reason of this one. */
export function asExitReason(word: unknown): ExitReason {
  return EXIT_REASONS.find((known) => known === word) ?? "Error";
}
