import type { Clock } from "../ports/clock.ts";

interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly fire: () => void;
}

/** Time that moves only when a test says so. Between two timers everything that is ready runs. */
export class VirtualClock implements Clock {
  #monotonicMs = 1_000;
  #wallOffsetMs = Date.UTC(2026, 0, 1);
  #order = 0;
  readonly #timers = new Set<Timer>();

  now(): number {
    return this.#wallOffsetMs + this.#monotonicMs;
  }

  monotonic(): number {
    return this.#monotonicMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (signal?.aborted) return Promise.reject(signal.reason);
    const end = () => {
      this.#timers.delete(timer);
      signal?.removeEventListener("abort", onAbort);
    };
    const onAbort = () => {
      end();
      reject(signal?.reason);
    };
    const fire = () => {
      end();
      resolve();
    };
    const timer: Timer = { atMs: this.#monotonicMs + Math.max(0, ms), order: this.#order++, fire };
    this.#timers.add(timer);
    signal?.addEventListener("abort", onAbort);
    return promise;
  }

  /** The wall clock jumps, the monotonic one does not. */
  jump(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  get timerCount(): number {
    return this.#timers.size;
  }

  /** Moves time on, timer by timer, and lets everything run after each. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#monotonicMs + ms;
    await settle();
    for (;;) {
      const next = [...this.#timers]
        .filter((t) => t.atMs <= untilMs)
        .sort((a, b) => a.atMs - b.atMs || a.order - b.order)[0];
      if (next === undefined) break;
      this.#monotonicMs = Math.max(this.#monotonicMs, next.atMs);
      next.fire();
      await settle();
    }
    this.#monotonicMs = untilMs;
  }
}

/** A macrotask boundary: every promise that can go on has gone on. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
