import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { exitReason } from "../core/health/exit-reason.ts";
import type { InstanceSpec } from "../core/instance-spec.ts";
import { type StageTime, startText } from "../core/start-stages.ts";
import { setPlaces } from "./batching/worker-places.ts";
import type { RequestQueue } from "./exchange.ts";
import { WORKER_PROTOCOL } from "./frames.ts";
import { HangWatch } from "./hang-watch.ts";
import type { EngineLimits } from "./limits.ts";
import { LineCutter, type LogFile } from "./log-file.ts";
import type { WatchedWorkers } from "./memory-watch.ts";
import { modelFacts } from "./model-facts.ts";
import { OomKills } from "./oom-kills.ts";
import { effectiveRpc } from "./rpc-options.ts";
import { StartTimes } from "./start-times.ts";
import type { FailureReason, SupervisorEvents } from "./supervisor-events.ts";
import { WarmUp } from "./warm-up.ts";
import { Worker, type WorkerEvents } from "./worker.ts";
import type { WorkerCommand } from "./worker-command.ts";

/** How long a worker that could not load may take to end, and its last output to come, in ms. */
const LAST_WORDS_MS = 5_000;

export interface SupervisorParts {
  readonly spec: InstanceSpec;
  /** Told to workers, that tell it to whoever asks what server this is. */
  readonly sluiceVersion: string;
  readonly limits: EngineLimits;
  readonly dispatcher: RequestQueue;
  readonly log: LogFile;
  readonly events: SupervisorEvents;
  readonly command: (index: number) => WorkerCommand;
  /** Monotonic ms. */
  readonly now: () => number;
}

/**
 * Starts the worker of an instance and keeps it running. A worker that dies after it was ready is started again at once; one that
 * cannot load, or dies too often, fails the instance, and the control process decides what then.
 */
export class WorkerSupervisor implements WorkerEvents {
  readonly #parts: SupervisorParts;
  #server: Server | null = null;
  #worker: Worker | null = null;
  /** Monotonic times of the latest deaths. */
  #deaths: number[] = [];
  #isStopping = false;
  #isFailed = false;
  #allGone: (() => void) | null = null;
  #killTimer: NodeJS.Timeout | null = null;
  readonly #hang: HangWatch;
  /** Of the worker that has loaded and is not ready yet. */
  #warmUp: WarmUp | null = null;
  restarts = 0;
  /** How the worker that became ready last did; null: none has yet. */
  stages: readonly StageTime[] | null = null;

  constructor(parts: SupervisorParts) {
    this.#parts = parts;
    this.#hang = new HangWatch(parts);
  }

  get workersReady(): number {
    return this.#worker?.isReady ? 1 : 0;
  }

  get workersTotal(): number {
    return 1;
  }

  /** Those that are ready. */
  get watched(): WatchedWorkers {
    const ready = this.#worker?.isReady ? [this.#worker] : [];
    return {
      pids: ready.map((worker) => worker.process.pid!),
      requests: ready.reduce((sum, worker) => sum + worker.takenCount, 0),
    };
  }

  /** Listens for workers and starts the first. */
  async start(socketPath: string): Promise<void> {
    const server = createServer((socket) => this.#connected(socket));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(socketPath, resolve);
    });
    this.#spawn();
  }

  #spawn(): void {
    const { file, args, env, cwd, ifMissing } = this.#parts.command(0);
    const child = spawn(file, args, { env, cwd, stdio: ["ignore", "pipe", "pipe"] });
    // Monotonic time begins with this process, whose start is part of that of its first worker.
    const times = new StartTimes(this.restarts === 0 ? 0 : this.#parts.now());
    const worker = new Worker(0, child, times, this);
    this.#worker = worker;
    const { log, limits } = this.#parts;
    const cutters = [child.stdout, child.stderr].map((stream) => {
      const lines = new LineCutter(log, limits);
      stream.on("data", (chunk: Buffer) => lines.push(chunk));
      stream.on("end", () => lines.end());
      stream.on("error", () => {});
      return lines;
    });
    child.on("error", (error) => {
      if (child.pid !== undefined) return;
      const missing = ifMissing !== undefined && !existsSync(file) ? ifMissing : error.message;
      const why = existsSync(cwd) ? missing : `its folder ${cwd} does not exist`;
      this.#gone(worker, `the processor worker cannot be started with ${file}: ${why}`, "StartFailed");
    });
    const oomKills = child.pid === undefined ? null : new OomKills(child.pid);
    child.on("exit", (code, signal) => {
      const how = `the processor worker ${signal === null ? `exited with code ${code}` : `was ended by ${signal}`}`;
      const isOutOfMemory = () => {
        const lines = [worker.failure ?? "", ...cutters.map((cutter) => cutter.lastLine)];
        const end = { code, signal, oomKills: oomKills?.since() ?? 0, lastLines: lines };
        return exitReason(end) === "OOMKilled";
      };
      if (worker.wasReady) {
        const isFull = isOutOfMemory();
        this.#gone(worker, isFull ? `${how}, out of memory` : how, isFull ? "OOMKilled" : "Error");
        return;
      }
      // Its last line mostly says why it could not start. A child of its own may hold the stream open, hence the bound.
      const told = () => {
        clearTimeout(timer);
        const { lastLine } = cutters[1]!;
        const last = lastLine === "" ? "" : `: ${lastLine}`;
        const reason = isOutOfMemory() ? "OOMKilled" : "StartFailed";
        this.#gone(worker, worker.failure ?? `${how} before it was ready${last}`, reason);
      };
      const timer = setTimeout(told, LAST_WORDS_MS);
      child.once("close", told);
    });
    this.#parts.log.line(`worker 0 started, pid ${child.pid ?? "none"}`);
  }

  #connected(socket: Socket): void {
    const worker = this.#worker;
    if (worker === null || worker.isConnected || this.#isStopping) {
      socket.destroy();
      return;
    }
    const { service, version, processor, model, rpc, limits } = this.#parts.spec;
    const own = { protocol: WORKER_PROTOCOL, sluice: this.#parts.sluiceVersion };
    worker.times.connected(this.#parts.now());
    worker.connect(socket, { ...own, service, version, processor, model, rpc, limits });
  }

  loaded(worker: Worker, facts: unknown): void {
    worker.times.loaded(this.#parts.now(), (facts as { stages?: unknown }).stages);
    const rpc = effectiveRpc(this.#parts.spec.rpc, (facts as { rpc?: unknown }).rpc);
    const places = setPlaces(worker, rpc, facts as { batch?: unknown }, this.#parts.log);
    this.#parts.events.rpcKnown(rpc);
    this.#parts.events.modelKnown(modelFacts(facts));
    if (this.#parts.spec.warmUpPath === undefined) this.#ready(worker);
    else this.#startWarmUp(worker, this.#parts.spec.warmUpPath, places);
  }

  #startWarmUp(worker: Worker, path: string, slotCount: number): void {
    const { limits, log, now } = this.#parts;
    const events = {
      progress: (at: number, of: number) => this.#parts.events.warmingUp(at, of),
      done: () => {
        this.#warmUp = null;
        this.#ready(worker);
      },
      failed: (message: string) => {
        this.#warmUp = null;
        this.#fail("WarmUpFailed", message);
      },
    };
    this.#warmUp = new WarmUp({ path, worker, slotCount, limits, log, now, events });
    this.#warmUp.start();
  }

  #ready(worker: Worker): void {
    worker.open();
    this.stages = worker.times.stages(this.#parts.now(), this.#parts.spec.warmUpPath !== undefined);
    this.#parts.log.line(`worker ${worker.index} is ready after ${startText(this.stages)}`);
    this.#parts.dispatcher.add(worker);
    this.#parts.events.changed("ready");
  }

  progress(_worker: Worker, text: string): void {
    this.#parts.events.progress(text);
  }

  failed(worker: Worker): void {
    // It ends now, after its last output, which often says more; one that does not is ended.
    const timer = setTimeout(() => worker.kill(), LAST_WORDS_MS);
    worker.process.once("exit", () => clearTimeout(timer));
  }

  disconnected(worker: Worker, why: string): void {
    // Mostly it is dead or dying, and "exit" comes next; if not, it is of no use without its connection.
    if (worker !== this.#worker || this.#isStopping || worker.failure !== null) return;
    this.#parts.log.line(`worker ${worker.index}: ${why}`);
    worker.process.kill("SIGKILL");
  }

  freed(worker: Worker): void {
    if (worker === this.#worker) this.#hang.clear();
    this.#parts.dispatcher.pump();
  }

  stuck(worker: Worker): void {
    this.#hang.begin(worker);
  }

  /** @param reason that of the instance's failure, if this end is one */
  #gone(worker: Worker, how: string, reason: FailureReason): void {
    if (worker !== this.#worker) return;
    this.#worker = null;
    this.#hang.clear();
    const warmUpPlace = this.#warmUp?.place;
    this.#endWarmUp();
    const wasReady = worker.wasReady;
    this.#parts.dispatcher.remove(worker);
    for (const exchange of worker.abandon()) {
      exchange.worker = null;
      exchange.workerDied();
    }
    worker.kill();
    if (this.#isStopping || this.#isFailed) {
      this.#allGone?.();
      return;
    }
    this.#parts.log.line(how);
    if (!wasReady) {
      if (warmUpPlace === undefined) this.#fail(reason, how);
      else this.#fail(reason === "OOMKilled" ? reason : "WarmUpFailed", `${how}; it was at ${warmUpPlace}`);
      return;
    }
    const { workerDeathsMax, workerDeathWindowMs } = this.#parts.limits;
    const now = this.#parts.now();
    this.#deaths = this.#deaths.filter((at) => now - at < workerDeathWindowMs);
    this.#deaths.push(now);
    if (this.#deaths.length > workerDeathsMax) {
      this.#fail(reason, `${how}: ${this.#deaths.length} deaths within ${workerDeathWindowMs / 1000} s`);
      return;
    }
    this.restarts++;
    this.#spawn();
    this.#parts.events.changed(`${how}; started again`);
  }

  #endWarmUp(): void {
    this.#warmUp?.cancel();
    this.#warmUp = null;
  }

  #fail(reason: FailureReason, message: string): void {
    if (this.#isFailed || this.#isStopping) return;
    this.#isFailed = true;
    this.#parts.events.failed(reason, message);
  }

  /** Lets the worker end by itself; kills it when it takes too long. Resolves when it is gone. */
  stop(): Promise<void> {
    this.#isStopping = true;
    this.#endWarmUp();
    this.#server?.close();
    const worker = this.#worker;
    if (worker === null) return Promise.resolve();
    this.#parts.dispatcher.remove(worker);
    return new Promise((resolve) => {
      this.#allGone = () => {
        if (this.#killTimer !== null) clearTimeout(this.#killTimer);
        resolve();
      };
      if (!worker.isReady) {
        worker.kill(); // still loading: there is nothing that it could finish
        return;
      }
      // In this order: a worker that was told to end might be gone before the signal comes.
      if (this.#parts.spec.isSigtermSent) worker.process.kill("SIGTERM");
      worker.shutdown();
      this.#killTimer = setTimeout(() => worker.kill(), this.#parts.limits.workerStopMs);
    });
  }

  /** Ends the worker at once. */
  kill(): void {
    this.#isStopping = true;
    this.#hang.clear();
    this.#endWarmUp();
    this.#server?.close();
    this.#worker?.kill();
  }
}
