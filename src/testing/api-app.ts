import type { ControlPlane } from "../control/control-plane.ts";
import type { Random } from "../ports/random.ts";
import { createApp } from "../server/app.ts";
import type { ServerLimits } from "../server/deps.ts";
import type { OwnKey, OwnKeyFile } from "../server/keyring.ts";
import { SEALING_KEY_BYTES, Sealer } from "../server/sealing.ts";
import { MemoryControl } from "./memory-control.ts";

/** The installation's own key, without a file. */
export function ownKeyInMemory(first: OwnKey): OwnKeyFile {
  let key = first;
  return {
    read: () => key,
    rotate: (secret, untilMs) => {
      key = {
        id: key.id,
        secret,
        older: untilMs === null ? null : { secret: key.secret, validUntilMs: untilMs },
      };
    },
  };
}

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
  chance: Pick<Random, "hex"> = { hex: (count) => "0".repeat(count * 2) },
) {
  const logged: string[] = [];
  const log = (facts: object, text: string) => void logged.push(JSON.stringify({ ...facts, text }));
  let requests = 0;
  const app = createApp({
    control,
    clock: { now, monotonic: () => 0, sleep: () => Promise.resolve() },
    random: {
      next: () => 0,
      hex: (count) => chance.hex(count),
      uuid: () => {
        requests += 1;
        return `00000000-0000-4000-8000-${String(requests).padStart(12, "0")}`;
      },
    },
    log: { debug: log, info: log, warn: log, error: log },
    ownKey: ownKeyInMemory({
      id: "test",
      secret: TEST_KEY,
      older: { secret: "old-key", validUntilMs: Date.UTC(2100, 0, 1) },
    }),
    sealer: new Sealer(new Uint8Array(SEALING_KEY_BYTES), chance),
    signatureWindowMs: 900_000,
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
