import { setTimeout as delay } from "node:timers/promises";
import type { HealthSpec } from "../../core/health/probe.ts";
import { HealthWatch } from "./health-watch.ts";
import type { Prober, Verdict } from "./listen-prober.ts";
import { lookOnce, type Place, type ProbeTools } from "./probe-look.ts";

/** First wait between two looks of the prober, in ms; each next one is half as long again. */
const LOOK_MS_FIRST = 20;
const LOOK_MS_MAX = 500;

/** What an instance is, told from where it listens and from its checks. */
export type Condition =
  | Verdict
  | { readonly isReady: false; readonly isDead: true; readonly message: string };

export interface ConditionParts {
  readonly prober: Prober;
  readonly health: HealthSpec;
  readonly tools: Omit<ProbeTools, "own">;
  /** Told whenever something was seen, also when it is the same as before. */
  readonly told: (condition: Condition) => void;
}

/**
 * Watches whether an instance may get requests: it must listen, for that is where gateways reach it, and its checks must be good.
 * Dead is who failed its startup or liveness check.
 */
export class ConditionWatch {
  readonly #parts: ConditionParts;
  readonly #checks: HealthWatch;
  #listening: Verdict | null = null;

  constructor(parts: ConditionParts) {
    this.#parts = parts;
    const startedAt = performance.now();
    const tools = { ...parts.tools, own: () => this.#place() };
    this.#checks = new HealthWatch({
      spec: parts.health,
      look: (probe, signal) => lookOnce(probe, tools, signal),
      told: () => this.#tell(),
      now: () => performance.now() - startedAt,
      sleep: (ms, signal) => delay(ms, undefined, { signal }).catch(() => {}),
    });
  }

  /** Looks until the signal: soon at first, then twice a second; probes as the checks say. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#checks.run(signal), this.#look(signal)]);
  }

  async #look(signal: AbortSignal): Promise<void> {
    let waitMs = LOOK_MS_FIRST;
    while (!signal.aborted) {
      const verdict = await this.#parts.prober.look();
      if (signal.aborted) return;
      const hasBegun = verdict.isReady && this.#listening?.isReady !== true;
      this.#listening = verdict;
      if (hasBegun) this.#checks.hurry();
      this.#tell();
      await delay(waitMs, undefined, { signal }).catch(() => {}); // aborted: the condition above ends it
      waitMs = Math.min(LOOK_MS_MAX, waitMs * 1.5);
    }
  }

  #place(): Place | null {
    if (this.#listening?.isReady !== true) return null;
    const { host, port } = this.#listening;
    return { host, port };
  }

  #tell(): void {
    const { told } = this.#parts;
    const { health } = this.#checks;
    if (health.kind === "dead") told({ isReady: false, isDead: true, message: health.message });
    else if (this.#listening === null) return;
    else if (health.kind === "ready" || !this.#listening.isReady) told(this.#listening);
    else told({ isReady: false, message: health.message });
  }
}
