import { error, type Finding, ok, warning } from "./finding.ts";
import type { Machine } from "./machine.ts";

/** How long the clocks are watched. */
export const WATCHED_MS = 200;
/** A wall clock that moves so much more or less than time itself was set meanwhile. */
const DRIFT_MS_MAX = 100;
/** A signature is refused when clocks differ by more than 15 minutes; logs are hard to compare long before. */
const SKEW_SECONDS = { warning: 30, error: 900 };
/** When this was written: a clock before that is not set. */
const EARLIEST_MS = Date.UTC(2025, 0, 1);

/** Is the wall clock set, and does it go like the one that never goes back? */
export async function checkClock(
  machine: Machine,
  io: { readonly monotonic: () => number; readonly sleep: (ms: number) => Promise<void> },
): Promise<Finding> {
  const [wall, steady] = [machine.now(), io.monotonic()];
  await io.sleep(WATCHED_MS);
  const driftMs = Math.round(machine.now() - wall - (io.monotonic() - steady));
  const fix = "sudo timedatectl set-ntp true";
  if (wall < EARLIEST_MS)
    return error("clock", `it says ${new Date(wall).toISOString()}: it is not set`, fix);
  if (Math.abs(driftMs) <= DRIFT_MS_MAX) return ok("clock", new Date(wall).toISOString());
  return warning(
    "clock",
    `the wall clock moved ${driftMs} ms against the steady one in ${WATCHED_MS} ms`,
    fix,
  );
}

/** Difference to the server's clock, from the Date of an answer, which has whole seconds (RFC 9110 §6.6.1). */
export function checkSkew(nowMs: number, date: string | null): Finding {
  const serverMs = Date.parse(date ?? "");
  if (Number.isNaN(serverMs)) return warning("clock skew", "the server does not tell its time");
  const seconds = Math.round((nowMs - serverMs) / 1000);
  const text = `${Math.abs(seconds)} s ${seconds < 0 ? "behind" : "ahead of"} the server`;
  const fix = "sudo timedatectl set-ntp true   (here, or there)";
  if (Math.abs(seconds) >= SKEW_SECONDS.error)
    return error("clock skew", `${text}: signed calls are refused`, fix);
  if (Math.abs(seconds) >= SKEW_SECONDS.warning) return warning("clock skew", text, fix);
  return ok("clock skew", "none to speak of");
}
