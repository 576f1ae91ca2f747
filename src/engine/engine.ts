import type { Component } from "../base/component.ts";
import { lastLines } from "../base/log-tail.ts";
import type { InstanceState } from "../core/instance-spec.ts";
import type { ExitReason } from "../core/reasons.ts";
import { RateLimiter } from "../core/traffic/rate-limiter.ts";
import { AccessFile } from "./access-file.ts";
import { BatchDispatcher } from "./batching/batch-dispatcher.ts";
import { Dispatcher } from "./dispatcher.ts";
import type { EngineParts } from "./engine-parts.ts";
import { HttpFront } from "./http-front.ts";
import { MemoryWatch } from "./memory-watch.ts";
import type { ModelFacts } from "./model-facts.ts";
import { RequestPaths } from "./request-front.ts";
import { ResponseHeads } from "./responses.ts";
import { StateWriter } from "./state-writer.ts";
import { Tokens } from "./tokens.ts";
import { WorkFile } from "./work-file.ts";
import { WorkMeter } from "./work-meter.ts";
import { workerCommand } from "./worker-command.ts";
import { WorkerSupervisor } from "./worker-supervisor.ts";

/** How often access.json is looked at: a revoked token opens no instance for longer than this. */
const ACCESS_LOOK_MS = 500;
/** While draining, what is left is looked at this often, in ms. */
const DRAIN_LOOK_MS = 10;

const warmUpText = (at: number, of: number) => `warming up: request ${at} of ${of}`;

/** Why an engine could not go on; it has been written to exit.json. */
export class EngineFailure extends Error {
  override readonly name = "EngineFailure";
}

/**
 * One instance: HTTP in front, a bounded queue, and a worker behind it.
 *
 * loading → ready when the worker has loaded and is warm, and back when it died and the next one takes long to load; draining once it is asked to end;
 * failed when it cannot go on. Each step is in state.json, for the control process.
 */
export class Engine implements Component {
  readonly name = "engine";
  readonly #parts: EngineParts;
  readonly #http: HttpFront;
  readonly #supervisor: WorkerSupervisor;
  readonly #tokens: Tokens;
  readonly #memory: MemoryWatch;
  readonly #stateFile: StateWriter;
  readonly #workFile: WorkFile;
  #accessLook: NodeJS.Timeout | null = null;
  readonly #startedAtMs: number;
  #phase: InstanceState["phase"] = "loading";
  #message = "starting";
  /** Where the warm-up is; null: none goes on. */
  #warmUp: NonNullable<InstanceState["warmUp"]> | null = null;
  #facts: ModelFacts = {};
  #port: number | null = null;
  #graceDue: NodeJS.Timeout | null = null;
  #isDrained = false;
  readonly #ended = Promise.withResolvers<void>();

  constructor(parts: EngineParts) {
    const { spec, limits } = parts;
    this.#parts = parts;
    this.#startedAtMs = parts.wallNow();
    this.#tokens = new Tokens(spec);
    const { batching, maxQueueSize } = spec.rpc;
    const dispatcher =
      batching === undefined
        ? new Dispatcher(maxQueueSize)
        : new BatchDispatcher(maxQueueSize, { spec: batching, now: parts.now, rule: parts.batchRule });
    this.#http = new HttpFront(
      {
        limits,
        dispatcher,
        paths: new RequestPaths(spec.service, spec.group),
        tokens: this.#tokens,
        heads: new ResponseHeads(
          spec.processor.kind === "builtin" ? "application/json" : "application/octet-stream",
        ),
        now: parts.now,
        wallNow: parts.wallNow,
        tell: (line) => parts.log.line(line),
        limiter: spec.rpc.rateLimit === undefined ? null : new RateLimiter(spec.rpc.rateLimit),
        ...(spec.rpc.decompressor === undefined ? {} : { decompressor: spec.rpc.decompressor }),
        hasGrpc: spec.processor.kind === "builtin",
      },
      spec.rpc.keepaliveMs,
    );
    const meter = new WorkMeter();
    this.#workFile = new WorkFile({ ...parts, instance: spec.id, meter });
    this.#supervisor = new WorkerSupervisor({
      spec,
      meter,
      sluiceVersion: parts.sluiceVersion,
      limits,
      dispatcher,
      log: parts.log,
      now: parts.now,
      clockAheadMs: parts.clockAheadMs,
      command: (index, socketPath, workerProcesses) =>
        workerCommand(spec, parts.tools, socketPath, index, workerProcesses),
      events: {
        changed: (message) => this.#workersChanged(message),
        progress: (text) => this.#progress(text),
        warmingUp: (at, of) => {
          this.#warmUp = { at, of };
          this.#progress(warmUpText(at, of));
        },
        rpcKnown: (rpc) => {
          dispatcher.queueSizeMax = rpc.maxQueueSize;
          this.#http.setKeepalive(rpc.keepaliveMs);
        },
        modelKnown: (facts) => {
          this.#facts = facts;
          if (facts.note !== undefined) parts.log.line(`note: ${facts.note}`);
        },
        failed: (reason, message) => this.#fail(reason, message),
      },
    });
    this.#stateFile = new StateWriter({ ...parts, state: () => this.#state() });
    const workers = () => this.#supervisor.watched;
    this.#memory = new MemoryWatch({ ...parts, workers, onChange: () => this.#stateFile.write() });
  }

  /** Port for direct callers, once it listens. */
  get port(): number | null {
    return this.#port;
  }

  /**
   * Serves until the signal, which ends it at once, or until it is drained. Rejects with EngineFailure when the instance cannot go on.
   */
  async run(signal: AbortSignal): Promise<void> {
    const stop = () => this.#stopNow();
    signal.addEventListener("abort", stop, { once: true });
    try {
      if (signal.aborted) return;
      this.#parts.log.line(`engine of ${this.#parts.spec.id} started, pid ${process.pid}`);
      this.#stateFile.write();
      this.#followAccess();
      this.#memory.start(this.#parts.limits.memoryLookMs);
      this.#workFile.start(this.#parts.limits.workTellMs);
      await this.#http.listenOnSocket(this.#parts.dir.dataSocket);
      this.#port = await this.#http.listenOnPort(this.#parts.port, this.#parts.host);
      if (this.#phase === "loading") {
        this.#message = "loading the processor";
        await this.#supervisor.start(this.#parts.dir.workerSocket);
        this.#stateFile.write();
      }
      await this.#ended.promise;
    } finally {
      signal.removeEventListener("abort", stop);
      this.#http.close();
      this.#memory.stop();
      this.#workFile.stop();
      this.#supervisor.kill();
      this.#stateFile.stop();
      if (this.#accessLook !== null) clearInterval(this.#accessLook);
      if (this.#graceDue !== null) clearTimeout(this.#graceDue);
      this.#parts.log.close();
    }
  }

  /**
   * Goes by what stands in access.json, also when that changes. Looked at and not watched: a look costs some µs, and
   * inotify instances are few on a machine with many engines.
   */
  #followAccess(): void {
    const file = new AccessFile(this.#parts.dir.accessFile);
    const look = () => {
      const rules = file.changed();
      if (rules !== null) this.#tokens.replace(rules);
    };
    look();
    this.#accessLook = setInterval(look, ACCESS_LOOK_MS);
  }

  /**
   * Takes no new connections, from direct callers once those have left, finishes what is queued, in flight, and still arriving over open connections, then ends the
   * worker and `run`. While loading, or past the deadline (monotonic ms), it ends at once.
   */
  async drain(deadlineMs: number): Promise<void> {
    if (this.#phase === "draining" || this.#phase === "failed") return this.#ended.promise.catch(() => {});
    const wasLoading = this.#phase === "loading" && this.#supervisor.restarts === 0;
    this.#setPhase("draining", "finishing what is in flight");
    this.#http.isDraining = true;
    this.#http.stopListeningForGateways();
    await this.#untilDirectCallersLeft(deadlineMs);
    this.#http.stopListening();
    if (!wasLoading) await this.#untilQuiet(deadlineMs);
    this.#http.isStopped = true;
    this.#http.refuseAll();
    await this.#supervisor.stop();
    this.#ended.resolve();
  }

  /** Resolves when there is no request and none has begun for a while, or nobody is connected; or at the deadline. */
  #untilQuiet(deadlineMs: number): Promise<void> {
    const { now, limits } = this.#parts;
    const from = now();
    return new Promise((resolve) => {
      const look = setInterval(() => {
        const quietSince = Math.max(from, this.#http.lastBeganAt);
        const isQuiet = this.#http.connectionCount === 0 || now() - quietSince >= limits.drainQuietMs;
        const isDone = !this.#http.hasWork && isQuiet;
        if (!isDone && now() < deadlineMs && !this.#isDrained) return;
        clearInterval(look);
        resolve();
      }, DRAIN_LOOK_MS);
    });
  }

  /** Resolves at once where no direct caller has been lately; else when they have left, see EngineLimits.directQuietMs. */
  #untilDirectCallersLeft(deadlineMs: number): Promise<void> {
    const { now, limits } = this.#parts;
    const from = now();
    if (from - this.#http.directAt > limits.directRecentMs) return Promise.resolve();
    const endMs = Math.min(deadlineMs, from + limits.directLingerMsMax);
    return new Promise((resolve) => {
      const look = setInterval(() => {
        const hasLeft = now() - Math.max(from, this.#http.directAt) >= limits.directQuietMs;
        if (!hasLeft && now() < endMs && !this.#isDrained) return;
        clearInterval(look);
        resolve();
      }, DRAIN_LOOK_MS);
    });
  }

  #stopNow(): void {
    this.#isDrained = true;
    if (this.#phase !== "failed") this.#setPhase("draining", "stopping now");
    this.#supervisor.kill();
    this.#ended.resolve();
  }

  #workersChanged(message: string): void {
    if (this.#phase === "draining" || this.#phase === "failed") return;
    if (this.#graceDue !== null) clearTimeout(this.#graceDue);
    this.#graceDue = null;
    this.#warmUp = null;
    if (this.#supervisor.isServing) {
      this.#setPhase("ready", message);
      return;
    }
    this.#setPhase(this.#phase, message);
    const late = () => {
      if (this.#phase !== "ready") return;
      this.#setPhase("loading", this.#warmUp ? warmUpText(this.#warmUp.at, this.#warmUp.of) : message);
    };
    this.#graceDue = setTimeout(late, this.#parts.limits.restartGraceMs);
  }

  #progress(text: string): void {
    if (this.#phase !== "loading") return;
    this.#message = text;
    this.#stateFile.writeSoon();
  }

  #fail(reason: ExitReason, message: string): void {
    const { dir, log, wallNow } = this.#parts;
    log.flush();
    const exit = {
      code: 1,
      signal: null,
      reason,
      message,
      startedAtMs: this.#startedAtMs,
      finishedAtMs: wallNow(),
      lastLines: lastLines(log.path, this.#startedAtMs),
    };
    dir.writeExit(exit);
    this.#setPhase("failed", message);
    this.#ended.reject(new EngineFailure(message));
  }

  #setPhase(phase: InstanceState["phase"], message: string): void {
    this.#phase = phase;
    this.#message = message;
    this.#stateFile.write();
    this.#parts.log.line(`${phase}: ${message}`);
  }

  #state(): InstanceState {
    const { stages } = this.#supervisor;
    return {
      phase: this.#phase,
      message: this.#message,
      port: this.#port,
      ...(this.#parts.host === undefined ? {} : { host: this.#parts.host }),
      ...this.#facts,
      ...(this.#phase === "loading" && this.#warmUp !== null ? { warmUp: this.#warmUp } : {}),
      ...(stages === null ? {} : { stages }),
      ...this.#memory.told,
      workersReady: this.#supervisor.workersReady,
      workersTotal: this.#supervisor.workersTotal,
      workerRestarts: this.#supervisor.restarts,
      updatedAtMs: this.#parts.wallNow(),
    };
  }
}
