/**
 * What a run of probe results says about an instance. A value of a few counts goes from result to result; the verdict is read from it.
 *
 * - Startup blocks the other two: until it is good once, the instance is starting, and results of the others do not count. Its
 *   failure threshold makes the instance dead.
 * - Liveness holds until so many probes in a row as its failure threshold are bad; then the instance is dead. Dead is final: only a
 *   new start makes another instance of it.
 * - Readiness is bad at first. It turns good after `successThreshold` good probes in a row, and bad after `failureThreshold` bad ones.
 *   Between the two nothing changes: single results of the other kind, as long as they stay below the threshold, never turn it.
 * - What is not checked counts as good.
 */
import { CHECK_NAMES, type HealthSpec, type ProbeKind, type ProbeResult } from "./probe.ts";

export type Health =
  /** The startup check has not been good yet. */
  | { readonly kind: "starting"; readonly message: string }
  | { readonly kind: "ready" }
  /** Alive, and gets no requests. */
  | { readonly kind: "not-ready"; readonly message: string }
  /** To be ended, and started again. */
  | { readonly kind: "dead"; readonly message: string };

/** Results of one kind in a row, the newest last. */
interface Row {
  readonly isGood: boolean;
  readonly length: number;
}

/** What of a history matters for what comes. */
export interface HealthState {
  readonly hasStarted: boolean;
  readonly isReady: boolean;
  /** Why the instance is dead; null: it is not. */
  readonly death: string | null;
  readonly rows: Readonly<Partial<Record<ProbeKind, Row>>>;
  /** What the newest bad probe of the check that decides saw. */
  readonly lastMessage: string;
}

/** Before the first result. */
export function initialHealth(spec: HealthSpec): HealthState {
  return {
    hasStarted: spec.startup === undefined,
    isReady: spec.readiness === undefined,
    death: null,
    rows: {},
    lastMessage: "",
  };
}

/** The state after one more result. A result of a check that the spec does not have, or that is blocked, changes nothing. */
export function afterResult(spec: HealthSpec, state: HealthState, result: ProbeResult): HealthState {
  const { kind, isGood } = result;
  const probe = spec[kind];
  const isBlocked = kind === "startup" ? state.hasStarted : !state.hasStarted;
  if (probe === undefined || state.death !== null || isBlocked) return state;
  const before = state.rows[kind];
  const length = before?.isGood === isGood ? before.length + 1 : 1;
  const rows = { ...state.rows, [kind]: { isGood, length } };
  const isReached = length >= (isGood ? probe.successThreshold : probe.failureThreshold);
  const lastMessage = isGood || kind === "liveness" ? state.lastMessage : result.message;
  const next = { ...state, rows, lastMessage };
  if (!isReached) return next;
  if (kind === "readiness") return { ...next, isReady: isGood };
  if (isGood) return kind === "startup" ? { ...next, hasStarted: true, lastMessage: "" } : next;
  const times = length === 1 ? "once" : `${length} times in a row`;
  return { ...next, death: `the ${CHECK_NAMES[kind]} failed ${times}: ${result.message}` };
}

export function healthOf(state: HealthState): Health {
  const { death, hasStarted, isReady, lastMessage } = state;
  if (death !== null) return { kind: "dead", message: death };
  const saw = lastMessage === "" ? "" : `: ${lastMessage}`;
  if (!hasStarted) return { kind: "starting", message: `the startup check is not good yet${saw}` };
  if (!isReady) return { kind: "not-ready", message: `the readiness check is not good${saw}` };
  return { kind: "ready" };
}

/** The verdict on a whole history, oldest result first. */
export function verdictOf(spec: HealthSpec, history: readonly ProbeResult[]): Health {
  return healthOf(history.reduce((state, result) => afterResult(spec, state, result), initialHealth(spec)));
}
