import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { jsonLog } from "../adapters/log-pino/log.ts";
import { ModelCache } from "../adapters/model-cache/cache.ts";
import { pythonsOf } from "../adapters/python-environments/base-python.ts";
import { VirtualEnvironments } from "../adapters/python-environments/environments.ts";
import { openSqliteStore } from "../adapters/store-sqlite/open.ts";
import { systemClock } from "../adapters/system/clock.ts";
import { systemRandom } from "../adapters/system/random.ts";
import { createControlPlane } from "../control/app.ts";
import type { ControlPlane } from "../control/control-plane.ts";
import { ServingError } from "../core/errors.ts";
import type { GatewayFleet, GatewayProcess } from "../ports/gateways.ts";
import type { RuntimeDriver } from "../ports/runtime.ts";
import { createApp } from "../server/app.ts";
import { AccessKeyFile, writeClientConfig } from "./access-key.ts";
import { HomeInUse, releaseControl, takeControl } from "./control-lock.ts";
import { BadBackup, beginFromBackup } from "./from-backup.ts";
import { openInstanceLimits } from "./instance-limits.ts";
import { BadStoreSettings, readObjectStores } from "./object-stores.ts";
import { claimPort, PortTaken } from "./ports.ts";
import { CannotServe, openProcesses } from "./processes.ts";
import { BadSealingKey, openSealer } from "./sealing-key.ts";
import { readServeSettings } from "./serve-settings.ts";
import { type HomeLayout, homeLayout, type ServeSettings } from "./settings.ts";
import { BadCertificate, planTls } from "./tls.ts";
import { VERSION } from "./version.ts";

const EXIT = { done: 0, failed: 1, misuse: 2 } as const;
/** Longest drain of the gateways, and then of the instances, after the first SIGTERM. */
const DRAIN_MS = 30_000;
/** Gateways take some 100 ms to listen; after this long, ready is said all the same. */
const GATEWAYS_READY_MS_MAX = 10_000;
const GATEWAYS_LOOK_MS = 20;

/** The role `serve`: the control process. Resolves to the exit code. */
export async function runServeRole(
  flag: (name: string) => string | undefined,
  env: NodeJS.ProcessEnv,
): Promise<number> {
  let settings: ServeSettings;
  try {
    settings = readServeSettings(flag, env);
  } catch (error) {
    process.stderr.write(`[ERROR] ${(error as Error).message}\n`);
    return EXIT.misuse;
  }
  try {
    await serve(settings);
    return EXIT.done;
  } catch (error) {
    if (isDiskFull(error)) {
      process.stderr.write(
        `[ERROR] the disk of the home is full: ${(error as Error).message}. Make room, and start again; gateways and instances that run go on meanwhile\n`,
      );
      return EXIT.failed;
    }
    const isExpected = [
      CannotServe,
      HomeInUse,
      PortTaken,
      BadBackup,
      BadCertificate,
      BadSealingKey,
      BadStoreSettings,
    ].some((c) => error instanceof c);
    process.stderr.write(`[ERROR] ${isExpected ? (error as Error).message : (error as Error).stack}\n`);
    return EXIT.failed;
  }
}

const isDiskFull = (error: unknown) =>
  (error instanceof ServingError && error.code === "STORE_FULL") ||
  ["ENOSPC", "EDQUOT"].includes((error as NodeJS.ErrnoException).code ?? "");

async function serve(settings: ServeSettings): Promise<void> {
  process.title = "sluice serve";
  const layout = homeLayout(settings.home);
  makeFolders(layout);
  const lock = takeControl(layout.controlFile, layout.home);
  try {
    await serveHome(settings, layout);
  } finally {
    releaseControl(layout.controlFile, lock);
  }
}

async function serveHome(settings: ServeSettings, layout: HomeLayout): Promise<void> {
  const log = jsonLog({ level: settings.logLevel, destination: join(layout.logs, "control.log") });
  const ownKey = new AccessKeyFile(layout.accessKey, layout.clientConfig, systemRandom);
  const { groups, capacity } = openInstanceLimits(settings, layout.run);
  const [runtime, gateways] = openProcesses(layout, groups);
  await runtime.sweep();
  log.info({ limits: groups.inForce, capacity: capacity.total() }, "what instances may have");
  const living = (await gateways.list()).filter((g) => g.isAlive);
  const port = await gatewayPort(settings, living);
  const secure = await planTls(settings, port, living, systemClock.now());
  const store = openSqliteStore(layout.database);
  const begun = await beginFromBackup(store, settings.fromBackup, systemClock.now());
  const sealer = openSealer(layout.sealingKey, systemRandom, (await store.readDesired()).state.accessKeys);
  const files = new ModelCache({
    root: layout.models,
    bytesMax: settings.modelsMb === null ? null : settings.modelsMb * 1e6,
    // The control plane is made with the files, and asked only when they need room.
    references: { referenced: () => control.referenced(), pathsInUse: () => control.pathsInUse() },
    stores: readObjectStores(process.env),
    now: () => systemClock.now(),
  });
  const environments = new VirtualEnvironments({
    root: layout.environments,
    prepared: settings.preparedEnvironments === null ? null : resolve(settings.preparedEnvironments),
    pythons: pythonsOf(process.env.SLUICE_PYTHON),
    env: process.env,
    bytesMax: settings.environmentsMb * 1e6,
    references: { environments: () => control.environments(), pathsInUse: () => control.pathsInUse() },
    now: () => systemClock.now(),
  });
  const control: ReturnType<typeof createControlPlane> = createControlPlane({
    store,
    runtime,
    gateways,
    files,
    environments,
    clock: systemClock,
    random: systemRandom,
    log,
    capacity,
    settings: {
      gatewayCount: settings.gatewayWorkers,
      host: settings.host,
      port,
      versionsKept: settings.versionsKept,
      tls: secure?.tls ?? null,
      accessLog: { share: settings.accessLog, withQuery: settings.accessLogQuery },
    },
  });
  const gatewayAddress = `http://${urlHost(settings.host)}:${port}`;
  const app = createApp({
    control,
    clock: systemClock,
    random: systemRandom,
    log,
    ownKey,
    sealer,
    signatureWindowMs: settings.signatureWindow * 1000,
    region: settings.region,
    gatewayAddress,
    version: VERSION,
  });
  const address = await listen(app, settings);
  const isOurs = writeClientConfig(layout.clientConfig, {
    address,
    gateway: gatewayAddress,
    region: settings.region,
    keyId: ownKey.read().id,
    key: ownKey.read().secret,
  });
  const stop = new AbortController();
  const signals = followSignals(stop);
  const running = control.run(stop.signal);
  await Promise.race([running, untilListening(control, settings.gatewayWorkers, stop.signal)]);
  say(`Sluice is ready
  gateway      ${gatewayAddress} (${settings.gatewayWorkers} workers)${secure === null ? "" : `\n  with TLS     https://${urlHost(secure.tls.host)}:${secure.tls.port}`}
  control API  ${address} (OpenAPI at /openapi.json)
  home         ${layout.home}${isOurs ? "" : `\n  note         ${layout.clientConfig} speaks of another Sluice and was left as it is`}`);
  if (begun !== null) say(begun);
  for (const warning of secure?.warnings ?? []) say(`[WARNING] ${warning}`);
  log.info({ gateway: gatewayAddress, tls: secure?.tls ?? null, api: address }, "ready");
  try {
    await running;
  } finally {
    await app.close();
    if (stop.signal.aborted) {
      await takeDown(gateways, runtime, signals.isHurried);
      groups.close();
    }
    await store.close();
    signals.end();
    log.info({}, "ended");
  }
}

/** So that "ready" is true for clients, too. A gateway that does not come up is the log's matter, not a reason to wait on. */
async function untilListening(control: ControlPlane, count: number, signal: AbortSignal): Promise<void> {
  const end = systemClock.monotonic() + GATEWAYS_READY_MS_MAX;
  while (!signal.aborted && systemClock.monotonic() < end) {
    if (control.gateways().filter((g) => g.isListening).length >= count) return;
    await systemClock.sleep(GATEWAYS_LOOK_MS, signal).catch(() => {}); // aborted: the condition above ends it
  }
}

function makeFolders(layout: HomeLayout): void {
  for (const folder of [
    layout.home,
    layout.data,
    layout.run,
    layout.logs,
    layout.models,
    layout.environments,
  ]) {
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw new CannotServe(
        `the home cannot be used: ${(error as Error).message}; choose another with --home`,
        { cause: error },
      );
    }
  }
}

/** The port of the gateways that are there already, else one that is found free. */
async function gatewayPort(settings: ServeSettings, living: readonly GatewayProcess[]): Promise<number> {
  const { host, port } = settings;
  const same = living.find((g) => g.host === host && (port === 0 || g.port === port));
  return same?.port ?? claimPort("the gateway", settings.host, settings.port, "--port");
}

async function listen(app: ReturnType<typeof createApp>, settings: ServeSettings): Promise<string> {
  try {
    await app.listen({ host: settings.apiHost, port: settings.apiPort });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    throw new PortTaken("the control API", settings.apiHost, settings.apiPort, "--api-port");
  }
  return `http://${urlHost(settings.apiHost)}:${(app.server.address() as { port: number }).port}`;
}

/** A wildcard address is reached at the loopback; an IPv6 address needs brackets (RFC 3986 §3.2.2). */
function urlHost(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}

/** First SIGTERM or SIGINT: drain. Second: stop now. SIGHUP and SIGKILL end only this process: all else goes on. */
function followSignals(stop: AbortController) {
  const hurry = new AbortController();
  const asked = () => {
    if (stop.signal.aborted) return hurry.abort();
    say("draining; once more stops at once");
    stop.abort(new Error("asked to stop"));
  };
  process.on("SIGTERM", asked);
  process.on("SIGINT", asked);
  return {
    isHurried: hurry.signal,
    end: () => {
      process.off("SIGTERM", asked);
      process.off("SIGINT", asked);
    },
  };
}

/** Gateways first, so that nobody is routed any more, then the instances; all at once and without grace when hurried. */
async function takeDown(gateways: GatewayFleet, runtime: RuntimeDriver, hurried: AbortSignal): Promise<void> {
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

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
