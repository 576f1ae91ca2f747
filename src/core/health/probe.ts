/** The three checks of a program of the user's own (eas-reference §1.4; their meaning is that of Kubernetes' probes). */
export type ProbeKind = "startup" | "readiness" | "liveness";

/** How a probe looks. A `port` of null is the instance's own: where its program listens. */
export type ProbeAction =
  /** Good when a GET is answered with a status from 200 to 399; redirects are not followed, certificates not checked. */
  | {
      readonly kind: "http";
      readonly scheme: "http" | "https";
      /** Begins with `/`. */
      readonly path: string;
      readonly port: number | null;
    }
  /** Good when the port accepts a connection. */
  | { readonly kind: "tcp"; readonly port: number | null }
  /** Good when the command exits 0. */
  | { readonly kind: "exec"; readonly command: readonly string[] };

export interface Probe {
  readonly action: ProbeAction;
  /** From the start of the program to the first probe, in ms, from 0. */
  readonly initialDelayMs: number;
  /** From the begin of one probe to that of the next, in ms, from 1000. */
  readonly periodMs: number;
  /** A probe that takes longer is bad, in ms, from 1000. */
  readonly timeoutMs: number;
  /** Good probes in a row that make bad good, from 1; always 1 for startup and liveness. */
  readonly successThreshold: number;
  /** Bad probes in a row that make good bad, from 1. */
  readonly failureThreshold: number;
}

/** The checks of one service; what is absent is not checked. */
export type HealthSpec = Readonly<Partial<Record<ProbeKind, Probe>>>;

/** How one probe ended. */
export interface ProbeResult {
  readonly kind: ProbeKind;
  readonly isGood: boolean;
  /** When it ended, in ms since the start of the program. */
  readonly atMs: number;
  /** What it saw, for people; of interest when it is bad. */
  readonly message: string;
}

/** The names of the checks in a service.json. */
export const CHECK_NAMES = {
  startup: "startup check",
  readiness: "readiness check",
  liveness: "liveness check",
} as const satisfies Record<ProbeKind, string>;

/**
 * When the next probe of a kind is due, in ms since the start of the program: its initial delay after the start, then a period
 * after the begin of the one before. A probe that took longer than a period is followed at once; none is made up for.
 */
export function nextProbeAtMs(probe: Probe, lastBeganAtMs: number | null): number {
  return lastBeganAtMs === null ? probe.initialDelayMs : lastBeganAtMs + probe.periodMs;
}
