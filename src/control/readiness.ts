import type { Clock } from "../ports/clock.ts";
import type { Store } from "../ports/store.ts";
import type { GatewayReport, LoopReport } from "./control-plane.ts";

/** One thing that has to be so before this control process is worth asking. */
export interface ReadinessCheck {
  readonly name: "store" | "loops" | "gateways";
  readonly isOk: boolean;
  /** How it is, in words; without names of services and without secrets, as it is told without a key. */
  readonly reason: string;
}

export interface ReadinessDeps {
  readonly store: Pick<Store, "putNumber">;
  readonly clock: Clock;
  /** Gateway processes that are wanted. */
  readonly workerCount: number;
  readonly loop: { reports(): readonly LoopReport[] };
  readonly publisher: Publishing;
}

/** What gives gateways their tables. */
export interface Publishing {
  reports(): readonly GatewayReport[];
  /** Number of the newest route table that was given out; 0: none yet. */
  readonly newestTable: number;
}

/** A key that is due for longer than this is late: runs take milliseconds, and eight go on at a time. */
export const LOOP_LATE_MS = 15_000;
/** A run that goes on for longer than this hangs: what takes long goes on beside the loop, and only its end wakes it. */
export const LOOP_RUN_MS_MAX = 60_000;
/** A gateway answers a table within milliseconds; so long it may take on a machine that is busy. */
export const TABLE_ACK_MS_MAX = 5_000;
/** A write costs a disk flush, and anybody may ask: so often at most. */
export const STORE_PROBE_MS = 1_000;
const STORE_PROBE_KEY = "readiness-probe";

/**
 * Whether the control process can do its work now: its store takes writes, its loops run, its gateways have the newest
 * route table. It remembers only since when a gateway has been behind, and the last answer of the store.
 */
export class Readiness {
  readonly #deps: ReadinessDeps;
  readonly #behindSince = new Map<string, number>();
  #probe: { readonly atMs: number; readonly check: Promise<ReadinessCheck> } | null = null;

  constructor(deps: ReadinessDeps) {
    this.#deps = deps;
  }

  async look(): Promise<readonly ReadinessCheck[]> {
    return [await this.#store(), loopsCheck(this.#deps.loop.reports()), this.#gateways()];
  }

  #store(): Promise<ReadinessCheck> {
    const nowMs = this.#deps.clock.monotonic();
    if (this.#probe === null || nowMs - this.#probe.atMs >= STORE_PROBE_MS)
      this.#probe = { atMs: nowMs, check: this.#write() };
    return this.#probe.check;
  }

  async #write(): Promise<ReadinessCheck> {
    const name = "store";
    try {
      await this.#deps.store.putNumber(STORE_PROBE_KEY, Math.floor(this.#deps.clock.now() / 1000));
      return { name, isOk: true, reason: "takes writes" };
    } catch (error) {
      const { code } = error as { code?: unknown };
      const why = typeof code === "string" ? ` (${code})` : "";
      return {
        name,
        isOk: false,
        reason: `does not take writes${why}; the log of the control process has more`,
      };
    }
  }

  #gateways(): ReadinessCheck {
    const name = "gateways";
    const { workerCount, clock, publisher } = this.#deps;
    const listening = publisher.reports().filter((gateway) => gateway.isListening);
    const newest = publisher.newestTable;
    const nowMs = clock.monotonic();
    const late = listening.filter((gateway) => this.#behindMs(gateway, newest, nowMs) >= TABLE_ACK_MS_MAX);
    const refusing = listening.filter((gateway) => gateway.refusal !== null);
    for (const id of this.#behindSince.keys())
      if (!listening.some((gateway) => gateway.id === id)) this.#behindSince.delete(id);
    const problems = [
      listening.length < workerCount ? `${listening.length} of ${workerCount} take requests` : "",
      refusing.length > 0 ? `${refusing.length} refused route table ${newest}` : "",
      late.length > 0 ? `${late.length} have not acknowledged route table ${newest}` : "",
    ].filter((text) => text !== "");
    return problems.length > 0
      ? { name, isOk: false, reason: problems.join("; ") }
      : { name, isOk: true, reason: `${listening.length} take requests by route table ${newest}` };
  }

  #behindMs({ id, tableNumber }: GatewayReport, newest: number, nowMs: number): number {
    if (tableNumber >= newest) {
      this.#behindSince.delete(id);
      return 0;
    }
    const since = this.#behindSince.get(id) ?? nowMs;
    this.#behindSince.set(id, since);
    return nowMs - since;
  }
}

function loopsCheck(loops: readonly LoopReport[]): ReadinessCheck {
  const name = "loops";
  const late = loops.filter((loop) => loop.overdueMs > LOOP_LATE_MS).length;
  const hanging = loops.filter((loop) => (loop.runningMs ?? 0) > LOOP_RUN_MS_MAX).length;
  if (loops.length === 0) return { name, isOk: false, reason: "they have not begun" };
  if (late + hanging === 0) return { name, isOk: true, reason: `${loops.length} run in time` };
  const problems = [late > 0 ? `${late} are late` : "", hanging > 0 ? `${hanging} hang` : ""];
  return {
    name,
    isOk: false,
    reason: `of ${loops.length}, ${problems.filter((text) => text !== "").join(" and ")}`,
  };
}
