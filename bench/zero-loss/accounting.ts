import { type Attempt, type Entry, isGood } from "../load/ledger-entry.ts";
import type { Holding } from "./tcp-table.ts";

/** A gateway worker that was killed. It was frozen first, so that what it held could be read, and never ran again. */
export interface GatewayKill extends Holding {
  readonly gateway: string;
  readonly pid: number;
  /** SIGSTOP was in force, SIGKILL was about to be sent, the process was gone; ms of CLOCK_MONOTONIC. */
  readonly frozenAtMs: number;
  readonly killedAtMs: number;
  readonly goneAtMs: number;
  /** Clients' ports of connections that other gateways had accepted, right before and right after the kill. */
  readonly elsewhere: readonly number[];
}

/**
 * Why an attempt came to nothing, as far as a kill explains it.
 * - `held`: its connection was one of those that the killed process had, and it was begun while that lived.
 * - `queued`: its connection was made before the process was gone, and nobody had accepted it: it ended with the listening socket.
 * - `too-late`: its connection was a kept one of those, and it was sent when the process was gone: nobody can have had a byte of it.
 */
export type Explanation = { readonly kind: "held" | "queued" | "too-late"; readonly kill: GatewayKill };

/** What became of one request. */
export type Verdict =
  | { readonly kind: "answered" }
  /** It failed, and was in flight inside a process that was killed. Whether it was answered at the second try does not matter. */
  | { readonly kind: "accounted"; readonly by: Explanation }
  /** Its connection had died with a process before it was sent; sent again, it was answered. */
  | { readonly kind: "resent"; readonly by: Explanation }
  /** It failed, and nothing that we did explains it. */
  | { readonly kind: "lost" };

/** Explains one failed attempt by the kills; null when none does. */
export function explain(attempt: Attempt, kills: readonly GatewayKill[]): Explanation | null {
  for (const kill of kills) {
    const kind = explainBy(attempt, kill);
    if (kind !== null) return { kind, kill };
  }
  return null;
}

function explainBy(attempt: Attempt, kill: GatewayKill): Explanation["kind"] | null {
  const { startedAtMs, connectedAtMs, sentAtMs, localPort, isReused, endedAtMs, status, bytes } = attempt;
  // A refusal is an answer, and a process that is dead gives none. What ended before it was frozen did not end by the kill.
  if ((status !== 0 && status !== 200) || endedAtMs < kill.frozenAtMs) return null;
  // The kernel makes a connection between the client's asking for it and the client's learning of it, which may be much later.
  const asked = isReused ? connectedAtMs! : startedAtMs;
  const learned = connectedAtMs ?? endedAtMs;
  if (asked > kill.goneAtMs) return null;
  // It lived at the kill, so its port names it.
  if (kill.accepted.includes(localPort)) return isReused && sentAtMs! > kill.goneAtMs ? "too-late" : "held";
  if (isReused || status !== 0 || bytes !== 0 || kill.elsewhere.includes(localPort)) return null;
  // Or it was made after the look at the sockets: a frozen process accepts nobody.
  return kill.queued.includes(localPort) || learned >= kill.frozenAtMs ? "queued" : null;
}

/** Judges one request. */
export function judge(entry: Entry, kills: readonly GatewayKill[]): Verdict {
  const [first, second] = entry.attempts;
  if (first === undefined) return { kind: "lost" };
  if (isGood(first)) return { kind: "answered" };
  const by = explain(first, kills);
  if (by === null) return { kind: "lost" };
  if (by.kind !== "too-late") return { kind: "accounted", by };
  if (second === undefined) return { kind: "lost" };
  if (isGood(second)) return { kind: "resent", by };
  const bySecond = explain(second, kills);
  return bySecond === null || bySecond.kind === "too-late"
    ? { kind: "lost" }
    : { kind: "accounted", by: bySecond };
}
