import type { Component } from "../base/component.ts";
import { VERSIONS_KEPT } from "../core/change/versions.ts";
import type { GroupName, InstanceId, ServiceName } from "../core/names.ts";
import { lookPeriodMs } from "../core/plan/look-period.ts";
import type { Change } from "../core/service.ts";
import { referencedSources } from "../core/spec/referenced.ts";
import type { NodeCapacity } from "../ports/capacity.ts";
import type { Clock } from "../ports/clock.ts";
import type { PythonEnvironments, ReferencedEnvironments } from "../ports/environments.ts";
import type { FileCache, ReferencedFiles } from "../ports/files.ts";
import type { GatewayFleet } from "../ports/gateways.ts";
import type { Log } from "../ports/log.ts";
import type { Random } from "../ports/random.ts";
import type { RuntimeDriver } from "../ports/runtime.ts";
import type { Store } from "../ports/store.ts";
import { cachedFiles, deleteCachedFile, pathsOf } from "./cached-files.ts";
import { Commands } from "./commands.ts";
import type { ControlPlane, Picture } from "./control-plane.ts";
import { EnvironmentBuilds, wantedEnvironments } from "./environments.ts";
import { Explainer } from "./explainer.ts";
import { FilePreparation } from "./file-preparation.ts";
import { type GatewaySettings, Gateways } from "./gateways.ts";
import { Known } from "./known.ts";
import { Loop } from "./loop.ts";
import { Metrics } from "./metrics.ts";
import { MirrorBook } from "./mirror-book.ts";
import { NodeRoom } from "./node-room.ts";
import { Operations } from "./operations.ts";
import { PictureBook } from "./picture-book.ts";
import { Publisher } from "./publisher.ts";
import { Readiness } from "./readiness.ts";
import { Reconciler } from "./reconciler.ts";
import { scopedControl } from "./scoped-control.ts";
import { steadyTime } from "./steady-time.ts";
import { runnableVersions } from "./version-check.ts";

export interface ControlPlaneDeps {
  readonly store: Store;
  readonly runtime: RuntimeDriver;
  readonly files: FileCache;
  readonly environments: PythonEnvironments;
  readonly gateways: GatewayFleet;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Not there: nothing is held back for want of room. */
  readonly capacity?: NodeCapacity;
  /** See LoopDeps. */
  readonly breathe?: () => Promise<void>;
  readonly settings: GatewaySettings & {
    /** Versions kept of each service, from 2; {@link VERSIONS_KEPT} when not told. */
    readonly versionsKept?: number;
  };
}

/** Loop runs at a time: they wait for disks and processes; more would only queue at the store. */
const CONCURRENCY = 8;
const PUBLISHER_PERIOD_MS = 10_000;
const GATEWAYS_PERIOD_MS = 2_000;
const DISCOVERY_PERIOD_MS = 10_000;
/** When hints end, they are listened to again after so long. */
const HINTS_AGAIN_MS = 1_000;

const PUBLISHER = "route-table";
const GATEWAYS = "gateways";
const DISCOVERY = "discovery";
const COMMAND = "a command";
const serviceKey = (name: ServiceName) => `service:${name}`;

/**
 * The control process without its outside: everything that makes what is so into what is wanted. Nothing is lost when
 * `run` ends at any point, in whatever way: instances and gateways go on, and the next one finds them.
 */
export function createControlPlane(
  deps: ControlPlaneDeps,
): ControlPlane & Component & ReferencedFiles & ReferencedEnvironments {
  const { store, runtime, clock, random, log } = deps;
  const loop = new Loop({
    clock,
    random,
    log,
    concurrency: CONCURRENCY,
    ...(deps.breathe && { breathe: deps.breathe }),
  });
  const known = new Known(store, log);
  const metrics = new Metrics();
  const mirrors = new MirrorBook();
  let isAdopted = false;

  const wakeService = (name: ServiceName, cause: string) => loop.wake(serviceKey(name), cause);
  const wakePublisher = (cause: string) => loop.wake(PUBLISHER, cause);
  const room = new NodeRoom(() => deps.capacity?.total() ?? null);
  const operations = new Operations(runtime, log, (name, cause) => {
    wakeService(name, cause);
    for (const other of room.short) if (other !== name) wakeService(other, `room of ${name}`);
  });
  const files = new FilePreparation(deps.files, deps.environments, clock, wakeService);
  const builds = new EnvironmentBuilds(deps.environments);
  const publisher = new Publisher({
    store,
    known,
    metrics,
    mirrors,
    log,
    clock,
    workerCount: deps.settings.gatewayCount,
    onDue: wakePublisher,
    onDeparture: (cause) => loop.wake(GATEWAYS, cause),
    onReleased: () => {
      for (const name of reconciler.waiting) wakeService(name, "a gateway has let go");
    },
  });
  const gateways = new Gateways({
    fleet: deps.gateways,
    publisher,
    settings: deps.settings,
    clock,
    log,
    onChange: (cause) => loop.wake(GATEWAYS, cause),
  });
  const steadyNow = steadyTime(clock);
  const versionsKept = deps.settings.versionsKept ?? VERSIONS_KEPT;
  const commands = new Commands({
    store,
    known,
    clock,
    random,
    files: deps.files,
    room,
    gpuCount: () => deps.capacity?.gpuCount() ?? 0,
    versionsKept,
    onCommitted,
  });
  const reconciler = new Reconciler({
    store,
    runtime,
    known,
    operations,
    files,
    publisher,
    room,
    steadyNow,
    wallNow: () => clock.now(),
    onRoutesChanged: wakePublisher,
    commit: (decide) => commands.commit(decide),
  });

  function addService(name: ServiceName, cause: string): void {
    const task = {
      key: serviceKey(name),
      purpose: `keeps the instances of service ${name} as wanted`,
      periodMs: () => lookPeriodMs(known.lastDesired?.services.size ?? 0),
      run: () => reconciler.reconcile(name),
    };
    loop.add(task, cause);
    if (cause === COMMAND) loop.wakeFirst(task.key, cause);
    else loop.wake(task.key, cause);
  }

  /** A group's tokens open its members' instances. */
  async function wakeMembers(group: GroupName): Promise<void> {
    for (const { name, group: own } of (await known.desired()).services.values())
      if (own === group && loop.has(serviceKey(name))) wakeService(name, "a command on its group");
  }

  function onCommitted(changes: readonly Change[]): void {
    mirrors.onCommitted(changes);
    for (const change of changes) {
      if (change.kind === "put-service") addService(change.record.name, COMMAND);
      if (change.kind === "put-group") void wakeMembers(change.record.name);
    }
    wakePublisher(COMMAND);
  }

  /** Services and instances that nobody told about: those of a life before, and those that no record owns. */
  async function discover(): Promise<{ kind: "settled"; text: string }> {
    const state = await known.desired();
    const owners = new Set<ServiceName>(state.services.keys());
    for (const report of await runtime.list()) owners.add(report.spec.service);
    for (const name of owners) if (!loop.has(serviceKey(name))) addService(name, "discovered");
    return { kind: "settled", text: `${owners.size} services` };
  }

  /** What is so when this life begins, read before the first table: so that the first table routes to all who are there. */
  async function adopt(): Promise<void> {
    await known.refresh();
    await known.loadStatuses();
    reconciler.adopt();
    isAdopted = true;
    mirrors.adopt((await known.desired()).services.values());
    const reports = Map.groupBy(await runtime.list(), (r) => r.spec.service);
    for (const [service, own] of reports) {
      known.setReports(service, own);
      room.look(
        service,
        own.filter((r) => r.isAlive).map((r) => r.spec),
        [],
      );
    }
    for (const name of new Set([...known.statuses.keys(), ...reports.keys()])) addService(name, "start");
  }

  async function followHints(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        for await (const id of runtime.hints(signal)) onHint(id);
      } catch (error) {
        if (!signal.aborted) log.warn({ err: error }, "hints of the runtime have ended");
      }
      await clock.sleep(HINTS_AGAIN_MS, signal).catch(() => {}); // aborted: the condition above ends it
    }
  }

  function onHint(id: InstanceId): void {
    const name = id.replace(/-v\d+(\.\d+)?-\d+$/, "") as ServiceName; // see instanceId
    if (loop.has(serviceKey(name))) wakeService(name, `hint about ${id}`);
    else loop.wake(DISCOVERY, `hint about ${id}`);
  }

  async function run(signal: AbortSignal): Promise<void> {
    await adopt();
    const task = (
      key: string,
      purpose: string,
      periodMs: number,
      act: () => ReturnType<typeof publisher.publish>,
    ) => loop.add({ key, purpose, periodMs, isFirst: true, run: act }, "start");
    task(GATEWAYS, "keeps the gateway processes alive and connected", GATEWAYS_PERIOD_MS, () =>
      gateways.reconcile(),
    );
    task(PUBLISHER, "gives gateways the route table", PUBLISHER_PERIOD_MS, () => publisher.publish());
    task(DISCOVERY, "finds services and instances that nobody told about", DISCOVERY_PERIOD_MS, discover);
    await Promise.all([loop.run(signal), followHints(signal)]);
    await gateways.close();
    await Promise.all([operations.close(), files.close(), builds.close()]);
  }

  const pictures = new PictureBook(known, store);
  const read = () => pictures.read(isAdopted);

  const readiness = new Readiness({ store, clock, workerCount: deps.settings.gatewayCount, loop, publisher });
  const explainOver = (reads: () => Promise<Picture>) => {
    const explainer = new Explainer({ store, runtime, known, publisher, metrics, read: reads, steadyNow });
    return {
      explainService: (name: ServiceName) => explainer.service(name),
      explainInstance: (name: ServiceName, id: InstanceId) => explainer.instance(name, id),
    };
  };

  const plane: ControlPlane & Component & ReferencedFiles & ReferencedEnvironments = {
    name: "control",
    run,
    read,
    as: (actor) =>
      scopedControl(plane, commands.as(actor), actor, {
        state: () => known.lastDesired,
        explainOver,
        clock,
        log,
      }),
    accessKeys: async () => (await known.desired()).accessKeys,
    createAccessKey: (order) => commands.createAccessKey(order),
    rotateAccessKey: (id, secret, graceMs) => commands.rotateAccessKey(id, secret, graceMs),
    deleteAccessKey: (id) => commands.deleteAccessKey(id),
    addAudit: (entries) => store.addAudit(entries),
    audit: (query) => store.listAudit(query),
    ...explainOver(read),
    createService: (document, additions) => commands.createService(document, additions),
    cloneService: (source, document, additions) => commands.cloneService(source, document, additions),
    updateService: (name, document, mode) => commands.updateService(name, document, mode),
    deleteService: (name) => commands.deleteService(name),
    startService: (name) => commands.startService(name),
    stopService: (name) => commands.stopService(name),
    restartService: (name) => commands.restartService(name),
    scaleService: (name, count, gone) => commands.scaleService(name, count, gone),
    releaseService: (name, release) => commands.releaseService(name, release),
    changeLabels: (request) => commands.changeLabels(request),
    node: () => room.kind(deps.capacity?.gpuCount() ?? 0),
    createMirror: (request) => commands.createMirror(request),
    updateMirror: (request) => commands.updateMirror(request),
    deleteMirror: (name) => commands.deleteMirror(name),
    validate: (request) => commands.validate(request),
    previewUpdate: (name, document, mode) => commands.previewUpdate(name, document, mode),
    switchVersion: (name, version) => commands.switchVersion(name, version),
    runnableVersions: async (name) => runnableVersions(await known.desired(), name, deps.files),
    createRollout: (request) => commands.createRollout(request),
    updateRollout: (request) => commands.updateRollout(request),
    deleteRollout: (name) => commands.deleteRollout(name),
    referenced: async () => referencedSources(await known.desired()),
    environments: async () => wantedEnvironments(await known.desired()),
    pathsInUse: async () =>
      (await runtime.list()).flatMap(({ spec }) => pathsOf(spec)).concat(files.environmentPaths),
    listEnvironments: async () => builds.list(await known.desired()),
    buildEnvironment: (wanted) => builds.begin(wanted),
    deleteEnvironment: (address) => builds.remove(address),
    cachedFiles: async () => cachedFiles(deps.files, await known.desired()),
    deleteCachedFile: (id) => deleteCachedFile(deps.files, id),
    deleteInstances: (name, instances) => commands.deleteInstances(name, instances),
    softRestart: (name, instances) => commands.softRestart(name, instances),
    updateInstance: (name, instance, orders) => commands.updateInstance(name, instance, orders),
    setSafetyLock: (name, lock) => commands.setSafetyLock(name, lock),
    createGroup: (name, labels) => commands.createGroup(name, labels),
    updateGroup: (name, update) => commands.updateGroup(name, update),
    restoreBackup: (backup, isPlan) => commands.restoreBackup(backup, isPlan),
    deleteGroup: (name, isCascading) => commands.deleteGroup(name, isCascading),
    addServiceToken: (name) => commands.addServiceToken(name),
    revokeServiceToken: (name, number) => commands.revokeServiceToken(name, number),
    addGroupToken: (name) => commands.addGroupToken(name),
    revokeGroupToken: (name, number) => commands.revokeGroupToken(name, number),
    events: (query) => store.listEvents(query),
    logs: (instance, options, signal) => runtime.logs(instance, options, signal),
    loops: () => loop.reports(),
    readiness: () => readiness.look(),
    traffic: (seconds) => metrics.last(seconds),
    mirrorCounts: (name) => mirrors.counts(name),
    mirrorDifferences: (name) => mirrors.differences(name),
    measured: () => metrics,
    work: () => runtime.work(),
    gateways: () => publisher.reports(),
    restartGateways: () => gateways.restart(),
  };
  return plane;
}
