import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "../../ports/clock.ts";

/** The longest wait that one timer of Node can hold; a longer one would fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** The clocks of this machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: async (ms, signal) => {
    signal?.throwIfAborted();
    const end = performance.now() + ms;
    for (let left = ms; left > 0; left = end - performance.now()) {
      await delayUnless(Math.min(left, TIMER_MS_MAX), signal);
    }
  },
};

/** Resolves when everything else that is ready in this process had its turn. */
export const otherTurns = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function delayUnless(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    // Node wraps the reason in an AbortError of its own; the port promises the reason itself.
    signal?.throwIfAborted();
    throw error;
  }
}
