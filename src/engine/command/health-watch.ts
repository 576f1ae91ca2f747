import { type HealthSpec, nextProbeAtMs, type Probe, type ProbeKind } from "../../core/health/probe.ts";
import { afterResult, type Health, healthOf, initialHealth } from "../../core/health/verdict.ts";
import type { Look } from "./probe-look.ts";

export interface HealthWatchParts {
  readonly spec: HealthSpec;
  readonly look: (probe: Probe, signal: AbortSignal) => Promise<Look>;
  /** Told after each result, whether or not the verdict is another one. */
  readonly told: (health: Health) => void;
  /** Monotonic ms since the start of the program. */
  readonly now: () => number;
  /** Ends early, and without an error, when the signal is aborted. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Probes one instance: startup first, alone; then readiness and liveness, each in its own time. The verdict is core/health's. */
export class HealthWatch {
  readonly #parts: HealthWatchParts;
  readonly #waiting = new Map<ProbeKind, AbortController>();
  #state;

  constructor(parts: HealthWatchParts) {
    this.#parts = parts;
    this.#state = initialHealth(parts.spec);
  }

  get health(): Health {
    return healthOf(this.#state);
  }

  /** Something has changed that a check may wait for that was never good: it looks at once, not only when it is due. */
  hurry(): void {
    for (const kind of ["startup", "readiness"] as const) {
      const neverGood = kind === "startup" ? !this.#state.hasStarted : !this.#state.isReady;
      if (neverGood) this.#waiting.get(kind)?.abort();
    }
  }

  /** Probes until the instance is dead, or the signal. */
  async run(signal: AbortSignal): Promise<void> {
    const wake = () => {
      for (const waiting of this.#waiting.values()) waiting.abort();
    };
    signal.addEventListener("abort", wake, { once: true });
    await this.#follow("startup", signal);
    await Promise.all([this.#follow("readiness", signal), this.#follow("liveness", signal)]);
    signal.removeEventListener("abort", wake);
  }

  async #follow(kind: ProbeKind, signal: AbortSignal): Promise<void> {
    const { spec, look, told, now } = this.#parts;
    const probe = spec[kind];
    if (probe === undefined) return;
    let lastBeganAtMs: number | null = null;
    while (!signal.aborted && this.#isAsked(kind)) {
      const isDue = await this.#wait(kind, nextProbeAtMs(probe, lastBeganAtMs));
      if (signal.aborted || !this.#isAsked(kind)) return;
      const beganAtMs = now();
      if (isDue) lastBeganAtMs = beganAtMs;
      else if (beganAtMs < probe.initialDelayMs) continue;
      const seen = await look(probe, signal);
      if (signal.aborted || !this.#isAsked(kind)) return;
      // Out of turn only good news counts: bad ones are counted once a period.
      if (!isDue && !seen.isGood) continue;
      this.#state = afterResult(spec, this.#state, { kind, ...seen, atMs: now() });
      told(this.health);
    }
  }

  #isAsked(kind: ProbeKind): boolean {
    if (this.#state.death !== null) return false;
    return kind === "startup" ? !this.#state.hasStarted : true;
  }

  /** False when it was hurried, or all is over. */
  async #wait(kind: ProbeKind, untilMs: number): Promise<boolean> {
    const hurried = new AbortController();
    this.#waiting.set(kind, hurried);
    const waitMs = Math.max(0, untilMs - this.#parts.now());
    if (waitMs > 0) await this.#parts.sleep(waitMs, hurried.signal);
    this.#waiting.delete(kind);
    return !hurried.signal.aborted;
  }
}
