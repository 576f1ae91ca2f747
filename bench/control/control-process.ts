/**
 * The control process of the benchmark: all of it as `sluice serve` has it (control plane, API on a socket, SQLite on disk, real gateway
 * processes), but with simulated instances. Asked over its IPC channel for what can be seen only from inside.
 */

import { writeFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { jsonLog } from "../../src/adapters/log-pino/log.ts";
import { ProcessGatewayFleet } from "../../src/adapters/process/gateway-fleet.ts";
import { openSqliteStore } from "../../src/adapters/store-sqlite/open.ts";
import { otherTurns, systemClock } from "../../src/adapters/system/clock.ts";
import { systemRandom } from "../../src/adapters/system/random.ts";
import { createControlPlane } from "../../src/control/app.ts";
import { createApp } from "../../src/server/app.ts";
import { SEALING_KEY_BYTES, Sealer } from "../../src/server/sealing.ts";
import { ownKeyInMemory } from "../../src/testing/api-app.ts";
import { MemoryEnvironments } from "../../src/testing/memory-environments.ts";
import { MemoryFiles } from "../../src/testing/memory-files.ts";
import type { ControlOptions, FromControl, ToControl } from "./control-messages.ts";
import { PublicationWatch } from "./publication-watch.ts";
import { SimulatedRuntime } from "./simulated-runtime.ts";

const options = JSON.parse(process.argv[2]!) as ControlOptions;
const { home, gateways: gatewayCount, ports, key } = options;
const say = (message: FromControl) => process.send!(message);
const MAIN = join(import.meta.dirname, "..", "..", "src", "main.ts");

const log = jsonLog({ level: "info", destination: join(home, "control.log") });
const runtime = new SimulatedRuntime(join(home, "instances.ndjson"));
const fleet = new ProcessGatewayFleet({
  runDir: join(home, "run"),
  logDir: join(home, "logs"),
  gatewayCommand: (folder) => [process.execPath, MAIN, "gateway", "--dir", folder],
});
const store = openSqliteStore(join(home, "data", "sluice.db"));
const watch = new PublicationWatch(gatewayCount);
const control = createControlPlane({
  store: watch.store(store),
  runtime,
  gateways: watch.fleet(fleet),
  files: new MemoryFiles(systemClock),
  environments: new MemoryEnvironments(),
  clock: systemClock,
  random: systemRandom,
  log,
  capacity: { total: () => ({ cpu: 1e6, memoryMb: 1e9 }), gpuCount: () => 0 },
  breathe: otherTurns,
  settings: {
    gatewayCount,
    host: "127.0.0.1",
    port: ports.gateway,
    tls: null,
    accessLog: { share: null, withQuery: false },
  },
});
const app = createApp({
  control,
  clock: systemClock,
  random: systemRandom,
  log,
  ownKey: ownKeyInMemory({ ...key, older: null }),
  sealer: new Sealer(new Uint8Array(SEALING_KEY_BYTES), systemRandom),
  signatureWindowMs: 15 * 60_000,
  region: "local",
  gatewayAddress: `http://127.0.0.1:${ports.gateway}`,
  version: "0",
});
await app.listen({ host: "127.0.0.1", port: ports.api });
const stop = new AbortController();
const running = control.run(stop.signal);
const delays = monitorEventLoopDelay({ resolution: 5 });
let touched = 0;
let touching: NodeJS.Timeout | undefined;
const profiler = new Session();
profiler.connect();

function collected(): NodeJS.MemoryUsage {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage();
}

async function end(): Promise<void> {
  stop.abort(new Error("the benchmark is over"));
  clearInterval(touching);
  await app.close();
  await running.catch(() => {}); // aborted
  for (const { id } of await fleet.list()) await fleet.stop(id, 0, new AbortController().signal);
  await store.close();
}

const answers: {
  [K in ToControl["type"]]: (message: Extract<ToControl, { type: K }>) => Promise<FromControl>;
} = {
  state: async () => {
    const loops = control.loops();
    const { statuses } = await control.read();
    let running = 0;
    for (const { phase } of statuses.values()) if (phase === "Running") running += 1;
    return {
      type: "state",
      readyInstances: runtime.readyCount,
      runningServices: running,
      services: statuses.size,
      keysRun: loops.filter((l) => l.lastRunAtMs !== null).length,
      keys: loops.length,
      tables: control.gateways().map((g) => g.tableNumber),
      newestTable: watch.newestNumber,
    };
  },
  memory: async () => ({ type: "memory", ...collected() }),
  delays: async () => {
    const found = { p50: delays.percentile(50), p99: delays.percentile(99), max: delays.max };
    delays.reset();
    delays.enable(); // not before it is asked for: it costs some percent of a core
    const ms = (ns: number) => ns / 1e6;
    return { type: "delays", p50Ms: ms(found.p50), p99Ms: ms(found.p99), maxMs: ms(found.max) };
  },
  publications: async () => ({ type: "publications", all: watch.take() }),
  save: async () => {
    runtime.save();
    return { type: "done" };
  },
  touch: async ({ perSecond }) => {
    clearInterval(touching);
    const each = () => runtime.touch(touched++, 1);
    touching = perSecond === 0 ? undefined : setInterval(each, 1000 / perSecond);
    return { type: "done" };
  },
  profile: async ({ file }) => {
    if (file === null) {
      await profiler.post("Profiler.enable");
      await profiler.post("Profiler.setSamplingInterval", { interval: 200 });
      await profiler.post("Profiler.start");
    } else writeFileSync(file, JSON.stringify((await profiler.post("Profiler.stop")).profile));
    return { type: "done" };
  },
};

process.on("message", (message: ToControl) => {
  const answer = answers[message.type] as (m: ToControl) => Promise<FromControl>;
  void answer(message).then((reply) => {
    if (process.connected) say(reply);
  });
});
// Whoever started it is gone: so are the gateways.
process.on("disconnect", () => void end().finally(() => process.exit()));
say({ type: "listening" });
