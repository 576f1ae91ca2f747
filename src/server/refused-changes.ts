import { auditOf } from "../core/access/audit-change.ts";
import type { Actor } from "../core/access/caller.ts";
import type { ServingError } from "../core/errors.ts";
import type { ServerDeps } from "./deps.ts";

/** Refusals of one key that are noted within a minute: each is a write to the disk. */
const NOTED_MAX = 20;
const WINDOW_MS = 60_000;
/** Keys that are counted at once; more than there may be at all. */
const KEYS_MAX = 2000;

/** Notes changes that a key was not allowed, at a bounded pace. */
export class RefusedChanges {
  readonly #deps: Pick<ServerDeps, "control" | "clock" | "log">;
  /** By key id: since when, and how many. */
  readonly #noted = new Map<string, { sinceMs: number; count: number }>();

  constructor(deps: Pick<ServerDeps, "control" | "clock" | "log">) {
    this.#deps = deps;
  }

  /** The answer does not wait for it. */
  note(actor: Actor, { code }: ServingError): void {
    const { control, clock, log } = this.#deps;
    const { keyId } = actor.caller;
    if (!this.#isDue(keyId, clock.monotonic())) return;
    const entry = { ...auditOf(actor, clock.now()), outcome: "refused" as const, code };
    control.addAudit([entry]).catch((error: unknown) => {
      log.error({ err: error, entry }, "an audit entry could not be stored");
    });
  }

  #isDue(keyId: string, nowMs: number): boolean {
    const before = this.#noted.get(keyId);
    const own =
      before !== undefined && nowMs - before.sinceMs < WINDOW_MS ? before : { sinceMs: nowMs, count: 0 };
    own.count += 1;
    if (this.#noted.size >= KEYS_MAX) this.#noted.clear();
    this.#noted.set(keyId, own);
    return own.count <= NOTED_MAX;
  }
}

/** It was refused for want of a right: also what a restricted key does not see, which it is told as not there. */
export function isWantOfRight(error: ServingError, { caller }: Actor): boolean {
  if (error.code === "FORBIDDEN") return true;
  const isNotThere = error.code === "SERVICE_NOT_FOUND" || error.code === "GROUP_NOT_FOUND";
  return isNotThere && caller.restriction !== null;
}
