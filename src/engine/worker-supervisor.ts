import type { Socket } from "node:net";
import type { InstanceSpec } from "../core/instance-spec.ts";
import { type StageTime, startText } from "../core/start-stages.ts";
import { setPlaces } from "./batching/worker-places.ts";
import type { RequestQueue } from "./exchange.ts";
import { ForkedProcess } from "./forked-process.ts";
import { FEATURES, WORKER_PROTOCOL } from "./frames.ts";
import { HangWatch } from "./hang-watch.ts";
import type { EngineLimits } from "./limits.ts";
import type { LogFile } from "./log-file.ts";
import type { WatchedWorkers } from "./memory-watch.ts";
import { modelFacts } from "./model-facts.ts";
import { effectiveRpc, processesOf } from "./rpc-options.ts";
import { StartTimes } from "./start-times.ts";
import type { FailureReason, SupervisorEvents } from "./supervisor-events.ts";
import { WarmUp } from "./warm-up.ts";
import type { WorkMeter } from "./work-meter.ts";
import { Worker, type WorkerEvents, type WorkerParts } from "./worker.ts";
import type { WorkerCommand } from "./worker-command.ts";
import { WorkerPlace } from "./worker-place.ts";
import { LAST_WORDS_MS, StartedProcess, type WorkerEnd } from "./worker-process.ts";

export interface SupervisorParts {
  readonly spec: InstanceSpec;
  /** Told to workers, that tell it to whoever asks what server this is. */
  readonly sluiceVersion: string;
  readonly limits: EngineLimits;
  readonly dispatcher: RequestQueue;
  readonly log: LogFile;
  readonly meter: WorkMeter;
  readonly events: SupervisorEvents;
  /** How to start the worker of a place, which connects to `socketPath` and is one of `total`. */
  readonly command: (index: number, socketPath: string, total: number) => WorkerCommand;
  /** Monotonic ms. */
  readonly now: () => number;
  /** What CLOCK_MONOTONIC, by which deadlines are told to workers, is ahead of `now`, ms. */
  readonly clockAheadMs: number;
}

/**
 * Starts the workers of an instance and keeps them running. A worker that dies after it was ready is started again at once, alone; one
 * that cannot load, or deaths that are too many, fail the instance, and the control process decides what then.
 *
 * The first place's worker loads first. When it can be shared it becomes the parent of all: it serves nothing, and forks the workers
 * of all places. Else those of the other places load for themselves.
 */
export class WorkerSupervisor implements WorkerEvents {
  readonly #parts: SupervisorParts;
  readonly #places: WorkerPlace[] = [];
  #socketPath = "";
  /** The worker that has loaded and forks the others; null: there is none. */
  #parent: Worker | null = null;
  /** Monotonic times of the latest deaths. */
  #deaths: number[] = [];
  #isStopping = false;
  #isFailed = false;
  /** All places had a ready worker at once, at some time. */
  #wasComplete = false;
  #allGone: (() => void) | null = null;
  #killTimer: NodeJS.Timeout | null = null;
  #total: number;
  restarts = 0;
  /** How the worker that became ready last did; null: none has yet. */
  stages: readonly StageTime[] | null = null;
  readonly #workerParts: WorkerParts;

  constructor(parts: SupervisorParts) {
    this.#parts = parts;
    this.#workerParts = { events: this, meter: parts.meter, now: parts.now };
    this.#total = parts.spec.rpc.workerProcesses ?? 1;
  }

  get workersReady(): number {
    return this.#places.filter(({ worker }) => worker?.isReady).length;
  }

  /** The first time all of them must be ready, from then on one. */
  get isServing(): boolean {
    return this.workersReady >= (this.#wasComplete ? 1 : this.#total);
  }

  get workersTotal(): number {
    return this.#total;
  }

  /** Those that are ready, and their parent. */
  get watched(): WatchedWorkers {
    const workers = this.#places.flatMap(({ worker }) => {
      const pid = worker?.isReady ? worker.process.pid : undefined;
      return worker === null || pid == null ? [] : [{ pid, requests: worker.takenCount }];
    });
    return { workers, parentPid: this.#parent?.process.pid ?? null };
  }

  /** Listens for workers and starts the first. */
  async start(socketPath: string): Promise<void> {
    this.#socketPath = socketPath;
    const place = new WorkerPlace(0, socketPath);
    this.#places[0] = place;
    await place.listen((worker, socket) => this.#connected(worker, socket));
    if (!this.#isStopping) this.#spawn(place);
  }

  #spawn(place: WorkerPlace): void {
    const { command, log, limits, now } = this.#parts;
    const isLoading = () => !worker.wasReady;
    const process = new StartedProcess(
      command(place.index, place.socketPath, this.#total),
      { log, limits },
      isLoading,
      (end) => this.#ended(place, worker, end),
    );
    // Monotonic time begins with this process, whose start is part of that of its first worker.
    const isFirst = place.index === 0 && this.restarts === 0;
    const worker = new Worker(place.index, process, new StartTimes(isFirst ? 0 : now()), this.#workerParts);
    place.worker = worker;
    log.line(`worker ${place.index} started, pid ${process.pid ?? "none"}`);
  }

  /** Has the parent fork the worker of this place. */
  #fork(place: WorkerPlace, parent: Worker): void {
    const forked = new ForkedProcess(parent.process as StartedProcess, (end) =>
      this.#ended(place, worker, end),
    );
    const worker = new Worker(place.index, forked, parent.times.forked(this.#parts.now()), this.#workerParts);
    place.worker = worker;
    parent.fork(place.index, place.socketPath);
  }

  #connected(worker: Worker, socket: Socket): void {
    if (this.#isStopping) {
      socket.destroy();
      return;
    }
    const { service, group, version, processor, model, rpc, limits } = this.#parts.spec;
    const own = { protocol: WORKER_PROTOCOL, sluice: this.#parts.sluiceVersion, features: FEATURES };
    if (worker.process instanceof StartedProcess) worker.times.connected(this.#parts.now());
    worker.connect(socket, { ...own, service, group, version, processor, model, rpc, limits });
  }

  loaded(worker: Worker, facts: unknown): void {
    const place = this.#placeOf(worker);
    if (place === undefined) return;
    const { log, events, spec } = this.#parts;
    if (worker.process instanceof StartedProcess) this.#timesKnown(worker, facts);
    const rpc = effectiveRpc(spec.rpc, (facts as { rpc?: unknown }).rpc);
    const slotCount = setPlaces(worker, rpc, facts as { batch?: unknown }, log);
    const { features } = facts as { features?: unknown };
    if (Array.isArray(features) && features.includes("deadline"))
      worker.setDeadlines(this.#parts.clockAheadMs);
    events.rpcKnown(rpc);
    events.modelKnown(modelFacts(facts));
    if (this.#parent === null) this.#startOthers(facts);
    if (spec.warmUpPath === undefined) this.#ready(worker);
    else this.#startWarmUp(place, worker, spec.warmUpPath, slotCount);
  }

  forks(worker: Worker, facts: unknown): void {
    const place = this.#placeOf(worker);
    if (place === undefined || !(worker.process instanceof StartedProcess)) return;
    this.#timesKnown(worker, facts);
    this.#parent = worker;
    worker.wasReady = true;
    place.worker = null;
    this.#parts.log.line("the processor is loaded once, and shared by all workers");
    this.#startOthers(facts);
  }

  #timesKnown(worker: Worker, facts: unknown): void {
    worker.times.loaded(this.#parts.now(), (facts as { stages?: unknown }).stages);
  }

  /** The workers of all places that have none; one has loaded, and says in `facts` how many are wanted. */
  #startOthers(facts: unknown): void {
    this.#total = processesOf(this.#parts.spec.rpc, (facts as { rpc?: unknown }).rpc);
    for (let index = 0; index < this.#total; index++) {
      const place = this.#places[index] ?? new WorkerPlace(index, this.#socketPath);
      this.#places[index] = place;
      if (place.worker !== null) continue;
      place
        .listen((worker, socket) => this.#connected(worker, socket))
        .then(
          () => this.#startAgain(place),
          (error: Error) =>
            this.#fail("StartFailed", `worker ${index} cannot be listened for: ${error.message}`),
        );
    }
  }

  /** A place that has no worker gets one; without the parent of all, once the first has loaded. */
  #startAgain(place: WorkerPlace): void {
    if (this.#isStopping || this.#isFailed || place.worker !== null) return;
    if (this.#parent !== null) this.#fork(place, this.#parent);
    else this.#spawn(place);
  }

  forked(index: number, pid: number): void {
    const forked = this.#places[index]?.worker?.process;
    if (!(forked instanceof ForkedProcess)) return;
    forked.began(pid);
    this.#parts.log.line(`worker ${index} forked, pid ${pid}`);
  }

  exited(pid: number, code: number | null, signal: string | null): void {
    for (const { worker } of this.#places)
      if (worker?.process instanceof ForkedProcess && worker.process.pid === pid)
        worker.process.over(code, signal);
  }

  #startWarmUp(place: WorkerPlace, worker: Worker, path: string, slotCount: number): void {
    const { limits, log, now } = this.#parts;
    const events = {
      progress: (at: number, of: number) => this.#parts.events.warmingUp(at, of),
      done: () => {
        place.warmUp = null;
        this.#ready(worker);
      },
      failed: (message: string) => {
        place.warmUp = null;
        this.#fail("WarmUpFailed", message);
      },
    };
    place.warmUp = new WarmUp({ path, worker, slotCount, limits, log, now, events });
    place.warmUp.start();
  }

  #ready(worker: Worker): void {
    worker.open();
    this.stages = worker.times.stages(this.#parts.now(), this.#parts.spec.warmUpPath !== undefined);
    this.#parts.log.line(`worker ${worker.index} is ready after ${startText(this.stages)}`);
    this.#parts.dispatcher.add(worker);
    this.#wasComplete ||= this.workersReady === this.#total;
    if (this.isServing) this.#parts.events.changed("ready");
    else this.#parts.events.progress(`${this.workersReady} of ${this.#total} workers are ready`);
  }

  progress(_worker: Worker, text: string): void {
    this.#parts.events.progress(text);
  }

  failed(worker: Worker): void {
    // It ends now, after its last output, which often says more; one that does not is ended.
    setTimeout(() => worker.kill(), LAST_WORDS_MS).unref();
  }

  disconnected(worker: Worker, why: string): void {
    // Mostly it is dead or dying, and its end is told next; if not, it is of no use without its connection.
    const isKnown = worker === this.#parent || this.#placeOf(worker) !== undefined;
    if (!isKnown || this.#isStopping || worker.failure !== null) return;
    this.#parts.log.line(`worker ${worker.index}: ${why}`);
    worker.process.kill("SIGKILL");
  }

  freed(worker: Worker): void {
    this.#placeOf(worker)?.hang?.clear();
    this.#parts.dispatcher.pump();
  }

  stuck(worker: Worker): void {
    const place = this.#placeOf(worker);
    if (place === undefined) return;
    place.hang ??= new HangWatch(this.#parts);
    place.hang.begin(worker);
  }

  #placeOf(worker: Worker): WorkerPlace | undefined {
    return this.#places.find((place) => place.worker === worker);
  }

  /** The process of a worker is over. */
  #ended(place: WorkerPlace, worker: Worker, end: WorkerEnd): void {
    if (worker === this.#parent) this.#parentGone(worker, end);
    else if (worker === place.worker) this.#gone(place, worker, end);
  }

  /** All whom it forked die with it. */
  #parentGone(parent: Worker, end: WorkerEnd): void {
    this.#parent = null;
    parent.kill();
    if (!this.#isStopping && !this.#isFailed) {
      const how = `the process that all workers share: ${end.how}`;
      this.#parts.log.line(how);
      if (!this.#countDeath(how, end.isOutOfMemory(parent.failure) ? "OOMKilled" : "Error")) return;
    }
    for (const { worker } of this.#places)
      if (worker?.process instanceof ForkedProcess) worker.process.over(null, "SIGKILL");
    this.#startAgain(this.#places[0]!);
    this.#tellIfAllGone();
  }

  #gone(place: WorkerPlace, worker: Worker, end: WorkerEnd): void {
    place.worker = null;
    place.hang?.clear();
    const warmUpPlace = place.warmUp?.place;
    place.endWarmUp();
    this.#parts.dispatcher.remove(worker);
    for (const exchange of worker.abandon()) {
      exchange.worker = null;
      exchange.workerDied();
    }
    worker.kill();
    if (this.#isStopping || this.#isFailed) {
      this.#tellIfAllGone();
      return;
    }
    const isFull = end.isOutOfMemory(worker.failure);
    if (!worker.wasReady) {
      const how = worker.failure ?? end.how;
      this.#parts.log.line(how);
      if (warmUpPlace === undefined) this.#fail(isFull ? "OOMKilled" : "StartFailed", how);
      else this.#fail(isFull ? "OOMKilled" : "WarmUpFailed", `${how}; it was at ${warmUpPlace}`);
      return;
    }
    const how = isFull ? `${end.how}, out of memory` : end.how;
    this.#parts.log.line(how);
    const diedWithParent = worker.process instanceof ForkedProcess && this.#parent === null;
    if (!diedWithParent && !this.#countDeath(how, isFull ? "OOMKilled" : "Error")) return;
    this.restarts++;
    // Without their parent the others wait for the first, which loads.
    if (!diedWithParent) this.#startAgain(place);
    this.#parts.events.changed(`${how}; started again`);
  }

  /** False when they are too many, which fails the instance. */
  #countDeath(how: string, reason: FailureReason): boolean {
    const { workerDeathsMax, workerDeathWindowMs } = this.#parts.limits;
    const now = this.#parts.now();
    this.#deaths = this.#deaths.filter((at) => now - at < workerDeathWindowMs);
    this.#deaths.push(now);
    if (this.#deaths.length <= workerDeathsMax * this.#total) return true;
    this.#fail(reason, `${how}: ${this.#deaths.length} deaths within ${workerDeathWindowMs / 1000} s`);
    return false;
  }

  #fail(reason: FailureReason, message: string): void {
    if (this.#isFailed || this.#isStopping) return;
    this.#isFailed = true;
    this.#parts.events.failed(reason, message);
  }

  /** Lets the workers end by themselves; kills those that take too long. Resolves when they are gone. */
  stop(): Promise<void> {
    this.#isStopping = true;
    for (const place of this.#places) place.close();
    return new Promise((resolve) => {
      this.#allGone = () => {
        if (this.#killTimer !== null) clearTimeout(this.#killTimer);
        resolve();
      };
      for (const { worker } of this.#places) {
        if (worker === null) continue;
        this.#parts.dispatcher.remove(worker);
        if (!worker.isReady) {
          worker.kill(); // still loading: there is nothing that it could finish
          continue;
        }
        // In this order: a worker that was told to end might be gone before the signal comes.
        if (this.#parts.spec.isSigtermSent) worker.process.kill("SIGTERM");
        worker.shutdown();
      }
      this.#killTimer = setTimeout(() => this.#killAll(), this.#parts.limits.workerStopMs);
      this.#tellIfAllGone();
    });
  }

  #tellIfAllGone(): void {
    if (this.#allGone === null || this.#places.some(({ worker }) => worker !== null)) return;
    if (this.#parent === null) this.#allGone();
    else this.#parent.kill();
  }

  #killAll(): void {
    for (const { worker } of this.#places) worker?.kill();
    this.#parent?.kill();
  }

  /** Ends the workers at once. */
  kill(): void {
    this.#isStopping = true;
    for (const place of this.#places) place.close();
    this.#killAll();
  }
}
