import type { ControlPlane } from "../control/control-plane.ts";
import { createApp } from "../server/app.ts";
import type { ServerLimits } from "../server/deps.ts";
import { MemoryControl } from "./memory-control.ts";

export const TEST_KEY = "test-key";

/** The API server over a control plane in memory. RequestIds count up; log lines are kept. */
export function apiApp(limits: Partial<ServerLimits> = {}, gatewayAddress = "http://127.0.0.1:8080") {
  const control = new MemoryControl();
  return { ...apiOver(control, () => control.nowMs, limits, gatewayAddress), control };
}

/** The API server over any control plane. */
export function apiOver(
  control: ControlPlane,
  now: () => number,
  limits: Partial<ServerLimits> = {},
  gatewayAddress = "http://127.0.0.1:8080",
) {
  const logged: string[] = [];
  const log = (facts: object, text: string) => void logged.push(JSON.stringify({ ...facts, text }));
  let requests = 0;
  const app = createApp({
    control,
    clock: { now, monotonic: () => 0, sleep: () => Promise.resolve() },
    random: {
      next: () => 0,
      hex: (count) => "0".repeat(count * 2),
      uuid: () => {
        requests += 1;
        return `00000000-0000-4000-8000-${String(requests).padStart(12, "0")}`;
      },
    },
    log: { debug: log, info: log, warn: log, error: log },
    keys: [
      { id: "old", secret: "old-key" },
      { id: "test", secret: TEST_KEY },
    ],
    region: "local",
    gatewayAddress,
    version: "9.8.7",
    limits,
  });
  return { app, logged };
}

/** A service.json like the seeds' (pmml_prod and pmml_grey). */
export const pmmlDocument = (name: string, instance: number, metadata: object = {}) => ({
  name,
  processor: "pmml",
  model_path: "/models/lr.pmml",
  metadata: { cpu: 1, instance, group: "pmml", ...metadata },
});
