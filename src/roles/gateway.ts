import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { jsonLog } from "../adapters/log-pino/log.ts";
import { launchSuccessor } from "../adapters/process/successor.ts";
import { systemClock } from "../adapters/system/clock.ts";
import { systemRandom } from "../adapters/system/random.ts";
import { ownIdentity, parseIdentity } from "../base/process-identity.ts";
import { createGateway } from "../gateway/gateway.ts";
import type { InheritedSockets } from "../gateway/listening-sockets.ts";
import type { GatewayTls } from "../ports/gateways.ts";

/** Longest drain after a signal. The control process waits a little longer before it kills a gateway that it replaces. */
const DRAIN_MS = 60_000;
/** First descriptor behind standard input, output and error: the sockets of the worker before this one begin there. */
const FIRST_DESCRIPTOR = 3;
/** How often a worker looks whether its run folder is still its own. */
const OWNER_LOOK_MS = 1_000;

/** The role `gateway`: one gateway worker in this process. Exits when it has ended. */
export async function runGatewayRole(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { dir: { type: "string" }, launch: { type: "string" }, sockets: { type: "string" } },
  });
  const { dir } = values;
  if (dir === undefined) throw new Error("the role gateway is started by sluice serve, with --dir");
  process.title = "sluice gateway";
  const { host, port, slot, launchId, tls } = JSON.parse(readFileSync(join(dir, "gateway.json"), "utf8")) as {
    host: string;
    port: number;
    slot?: number;
    launchId?: string;
    tls?: GatewayTls | null;
  };
  const log = jsonLog({ level: "info", destination: null });
  if (values.launch !== undefined && values.launch !== launchId) {
    log.warn({ dir }, "another gateway was started here meanwhile");
    process.exit(1);
  }
  const gateway = createGateway({
    dir,
    host,
    port,
    slot: slot ?? 0,
    tls: tls ?? null,
    inherited: socketsOf(values.sockets ?? ""),
    startSuccessor: (order, sockets) => {
      const names = sockets.map((s) => s.name).join(",");
      const more = ["--launch", order.launchId, "--sockets", names];
      return launchSuccessor(
        order,
        more,
        sockets.map((s) => s.fd),
      );
    },
    clock: systemClock,
    random: systemRandom,
    log,
  });
  const stop = new AbortController();
  let isAsked = false;
  // Asked while others serve in its place, it drains as long as it needs to, then `run` is over. Asked again, or when nobody follows, it
  // drains faster; once more ends it now.
  const asked = async () => {
    if (isAsked) return stop.abort();
    isAsked = true;
    isAsked = !(await gateway.leave());
    if (!isAsked) return;
    await gateway.drain(systemClock.monotonic() + DRAIN_MS);
    stop.abort();
  };
  process.on("SIGTERM", () => void asked());
  process.on("SIGINT", () => void asked());
  endWhenDisowned(dir, () => {
    log.warn({ dir }, "the run folder is another process's now, or gone: nobody would find this gateway");
    if (!isAsked) void asked();
  });
  try {
    await gateway.run(stop.signal);
    process.exit(0);
  } catch (error) {
    log.error({ err: error }, "the gateway ended");
    process.exit(1);
  }
}

/** The sockets of the worker before this one, from their names in the order of their descriptors. */
function socketsOf(names: string): InheritedSockets {
  const list = names.split(",").filter((name) => name !== "");
  return Object.fromEntries(list.map((name, i) => [name, FIRST_DESCRIPTOR + i]));
}

/**
 * Whoever starts and stops gateways goes by the run folder. One that it does not name would never be stopped. Two looks in a row, as
 * the file is written anew at the start.
 */
function endWhenDisowned(dir: string, end: () => void): void {
  const own = ownIdentity();
  let strangeCount = 0;
  const timer = setInterval(() => {
    const owner = readOwner(dir);
    const isOwn = owner?.pid === own.pid && owner.startTicks === own.startTicks;
    strangeCount = isOwn ? 0 : strangeCount + 1;
    if (strangeCount < 2) return;
    clearInterval(timer);
    end();
  }, OWNER_LOOK_MS);
  timer.unref();
}

function readOwner(dir: string) {
  try {
    return parseIdentity(readFileSync(join(dir, "process.json"), "utf8"));
  } catch {
    return null;
  }
}
