import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { jsonLog } from "../adapters/log-pino/log.ts";
import { ModelCache } from "../adapters/model-cache/cache.ts";
import { pythonsOf } from "../adapters/python-environments/base-python.ts";
import { VirtualEnvironments } from "../adapters/python-environments/environments.ts";
import { otherTurns, systemClock } from "../adapters/system/clock.ts";
import { systemRandom } from "../adapters/system/random.ts";
import { createControlPlane } from "../control/app.ts";
import type { ControlPlane } from "../control/control-plane.ts";
import { guardedGateways, guardedRuntime } from "../control/term-guard.ts";
import { ServingError } from "../core/errors.ts";
import type { GatewayProcess } from "../ports/gateways.ts";
import type { Log } from "../ports/log.ts";
import { createApp } from "../server/app.ts";
import { AccessKeyFile, writeClientConfig } from "./access-key.ts";
import { HomeInUse } from "./control-lock.ts";
import { BadDatabase } from "./database.ts";
import { followSignals, type Signals, takeDown } from "./ending.ts";
import { BadBackup, beginFromBackup } from "./from-backup.ts";
import { type Lead, openLeading } from "./leading.ts";
import { ApiPlace, urlHost } from "./listening.ts";
import { BadStoreSettings, readObjectStores } from "./object-stores.ts";
import { claimPort, PortTaken } from "./ports.ts";
import { CannotServe, type Machine, openMachine } from "./processes.ts";
import { BadSealingKey, openSealer } from "./sealing-key.ts";
import { BadSettings, readServeSettings } from "./serve-settings.ts";
import { type HomeLayout, homeLayout, type ServeSettings } from "./settings.ts";
import { BadCertificate, planTls } from "./tls.ts";
import { VERSION } from "./version.ts";

const EXIT = { done: 0, failed: 1, misuse: 2 } as const;
/** So long a standby may take to begin, when this process hands over to it; it needs some 200 ms. */
const HANDOVER_MS_MAX = 5_000;
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
    if (!(error instanceof BadSettings)) throw error;
    for (const problem of error.problems) process.stderr.write(`[ERROR] ${problem}\n`);
    return EXIT.misuse;
  }
  try {
    await serve(settings);
    return EXIT.done;
  } catch (error) {
    if (isDiskFull(error)) {
      const whose = settings.store === null ? "home" : "home, or of the database server,";
      process.stderr.write(
        `[ERROR] the disk of the ${whose} is full: ${(error as Error).message}. Make room, and start again; gateways and instances that run go on meanwhile\n`,
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
      BadDatabase,
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
  await checkDirectHost(settings.directHost);
  const log = jsonLog({ level: settings.logLevel, destination: join(layout.logs, "control.log") });
  const api = new ApiPlace(settings.apiHost, settings.apiPort);
  const leading = await openLeading(settings, layout, api, log);
  const signals = followSignals(() => say("draining; once more stops at once"));
  let machine: Machine | null = null;
  try {
    while (!signals.stop.aborted) {
      const lead = await leading(signals.stop);
      if (lead === null) return;
      const { lost } = lead.term;
      try {
        machine ??= openMachine(settings, layout);
        await serveTerm({ settings, layout, api, log, machine, lead, signals });
      } catch (error) {
        if (!lost.aborted) throw error;
        log.warn({ err: error }, "the term ended before all was started");
      } finally {
        await lead.end();
      }
      if (!lost.aborted) return;
      say(`[WARNING] leads no longer: ${lost.reason.message}`);
    }
    if (machine !== null)
      say("[WARNING] gateways and instances were left as they are: who leads is not known");
  } finally {
    signals.end();
  }
}

interface TermDeps {
  readonly settings: ServeSettings;
  readonly layout: HomeLayout;
  readonly api: ApiPlace;
  readonly log: Log;
  readonly machine: Machine;
  readonly lead: Lead;
  readonly signals: Signals;
}

/** From the moment in which this process leads until it is asked to stop, or leads no longer. */
async function serveTerm({ settings, layout, api, log, machine, lead, signals }: TermDeps): Promise<void> {
  const { groups, capacity, runtime, gateways } = machine;
  const { term } = lead;
  const ownKey = new AccessKeyFile(layout.accessKey, layout.clientConfig, systemRandom);
  await runtime.sweep();
  log.info({ limits: groups.inForce, capacity: capacity.total() }, "what instances may have");
  const living = (await gateways.list()).filter((g) => g.isAlive);
  const port = await gatewayPort(settings, living);
  const secure = await planTls(settings, port, living, systemClock.now());
  const store = await lead.openStore();
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
    runtime: guardedRuntime(runtime, term),
    gateways: guardedGateways(gateways, term),
    files,
    environments,
    clock: systemClock,
    random: systemRandom,
    log,
    capacity,
    breathe: otherTurns,
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
  const address = await api.listen(app);
  const isOurs = writeClientConfig(layout.clientConfig, {
    address,
    gateway: gatewayAddress,
    region: settings.region,
    keyId: ownKey.read().id,
    key: ownKey.read().secret,
  });
  term.announce(address);
  const stop = AbortSignal.any([signals.stop, term.lost]);
  const running = control.run(stop);
  await Promise.race([running, untilListening(control, settings.gatewayWorkers, stop)]);
  say(`Sluice is ready
  gateway      ${gatewayAddress} (${settings.gatewayWorkers} workers)${secure === null ? "" : `\n  with TLS     https://${urlHost(secure.tls.host)}:${secure.tls.port}`}
  control API  ${address} (OpenAPI at /openapi.json)
  home         ${layout.home}${isOurs ? "" : `\n  note         ${layout.clientConfig} speaks of another Sluice and was left as it is`}${settings.store === null ? "" : `\n  store        ${lead.store}`}`);
  if (begun !== null) say(begun);
  for (const warning of secure?.warnings ?? []) say(`[WARNING] ${warning}`);
  log.info({ gateway: gatewayAddress, tls: secure?.tls ?? null, api: address }, "ready");
  try {
    await running;
  } finally {
    // Nothing acts any more: the next one need not wait for the last answers of this one's API.
    if (term.lost.aborted) lead.release();
    await app.close();
    await store.close();
    if (signals.stop.aborted && !(await isHandedOver(lead, signals))) {
      await takeDown(gateways, runtime, signals.hurry);
      groups.close();
    }
    log.info({ lost: term.lost.reason?.message ?? null }, "ended");
  }
}

/** True when gateways and instances are another's now: one has taken them over, or may have. */
async function isHandedOver({ term, release }: Lead, { hurry }: Signals): Promise<boolean> {
  if (term.lost.aborted) return true;
  if (hurry.aborted) return false;
  release();
  const isTaken = await term.handOver(HANDOVER_MS_MAX);
  if (isTaken && !term.lost.aborted) say("handed over to the standby");
  return isTaken;
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

/** Else every instance would fail, one by one. */
async function checkDirectHost(host: string): Promise<void> {
  const isThere = claimPort("instances", host, 0, "--direct-host");
  await isThere.catch((error: Error) => {
    throw new CannotServe(`${error.message}; --direct-host must be an address of this machine`, {
      cause: error,
    });
  });
}

/** The port of the gateways that are there already, else one that is found free. */
async function gatewayPort(settings: ServeSettings, living: readonly GatewayProcess[]): Promise<number> {
  const { host, port } = settings;
  const same = living.find((g) => g.host === host && (port === 0 || g.port === port));
  return same?.port ?? claimPort("the gateway", settings.host, settings.port, "--port");
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
