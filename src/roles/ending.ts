import type { GatewayFleet } from "../ports/gateways.ts";
import type { RuntimeDriver } from "../ports/runtime.ts";

/** Longest drain of the gateways, and then of the instances, after the first SIGTERM. */
const DRAIN_MS = 30_000;

/** What the person or the supervisor who started this process asks of it. */
export interface Signals {
  /** The first SIGTERM or SIGINT. */
  readonly stop: AbortSignal;
  /** The second. */
  readonly hurry: AbortSignal;
  end(): void;
}

/** First SIGTERM or SIGINT: drain. Second: stop now. SIGHUP and SIGKILL end only this process: all else goes on. */
export function followSignals(onStop: () => void): Signals {
  const stop = new AbortController();
  const hurry = new AbortController();
  const asked = () => {
    if (stop.signal.aborted) return hurry.abort();
    onStop();
    stop.abort(new Error("asked to stop"));
  };
  process.on("SIGTERM", asked);
  process.on("SIGINT", asked);
  return {
    stop: stop.signal,
    hurry: hurry.signal,
    end: () => {
      process.off("SIGTERM", asked);
      process.off("SIGINT", asked);
    },
  };
}

/** Gateways first, so that nobody is routed any more, then the instances; all at once and without grace when hurried. */
export async function takeDown(
  gateways: GatewayFleet,
  runtime: RuntimeDriver,
  hurried: AbortSignal,
): Promise<void> {
  try {
    await stopGateways(gateways, DRAIN_MS, hurried);
    await stopInstances(runtime, DRAIN_MS, hurried);
  } catch (error) {
    if (!hurried.aborted) throw error;
    const never = new AbortController().signal;
    await Promise.all([stopGateways(gateways, 0, never), stopInstances(runtime, 0, never)]);
  }
}

async function stopGateways(gateways: GatewayFleet, graceMs: number, signal: AbortSignal): Promise<void> {
  await Promise.all((await gateways.list()).map((g) => gateways.stop(g.id, graceMs, signal)));
}

async function stopInstances(runtime: RuntimeDriver, graceMs: number, signal: AbortSignal): Promise<void> {
  await Promise.all((await runtime.list()).map((i) => runtime.stop(i.spec.id, graceMs, signal)));
}
