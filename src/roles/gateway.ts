import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { jsonLog } from "../adapters/log-pino/log.ts";
import { systemClock } from "../adapters/system/clock.ts";
import { systemRandom } from "../adapters/system/random.ts";
import { createGateway } from "../gateway/gateway.ts";
import type { GatewayTls } from "../ports/gateways.ts";

/** Longest drain. The control process waits a little longer before it kills a gateway that it replaces. */
const DRAIN_MS = 60_000;

/** The role `gateway`: one gateway worker in this process. Exits when it has ended. */
export async function runGatewayRole(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: { dir: { type: "string" } } });
  if (values.dir === undefined) throw new Error("the role gateway is started by sluice serve, with --dir");
  process.title = "sluice gateway";
  const { host, port, slot, tls } = JSON.parse(readFileSync(join(values.dir, "gateway.json"), "utf8")) as {
    host: string;
    port: number;
    slot?: number;
    tls?: GatewayTls | null;
  };
  const log = jsonLog({ level: "info", destination: null });
  const gateway = createGateway({
    dir: values.dir,
    host,
    port,
    slot: slot ?? 0,
    tls: tls ?? null,
    clock: systemClock,
    random: systemRandom,
    log,
  });
  const stop = new AbortController();
  let isDraining = false;
  const asked = () => {
    if (isDraining) return stop.abort();
    isDraining = true;
    void gateway.drain(systemClock.monotonic() + DRAIN_MS).finally(() => stop.abort());
  };
  process.on("SIGTERM", asked);
  process.on("SIGINT", asked);
  try {
    await gateway.run(stop.signal);
    process.exit(0);
  } catch (error) {
    log.error({ err: error }, "the gateway ended");
    process.exit(1);
  }
}
