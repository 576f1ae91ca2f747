import type { AccessRules, InstanceSpec } from "../core/instance-spec.ts";
import type { InstanceId, ServiceName } from "../core/names.ts";
import type { InstanceExit } from "../core/service.ts";
import type { Clock } from "../ports/clock.ts";
import type { InstanceReport, LogOptions, RuntimeDriver } from "../ports/runtime.ts";

/** How the next start of an instance goes. */
export interface Behaviour {
  /** Before `start` resolves. */
  readonly launchMs: number;
  /** From launch to ready; null: it loads for ever. */
  readonly loadMs: number | null;
  /** Ends instead of getting ready. */
  readonly isCrashing: boolean;
  /** From saying that it has failed to its end; 0: it says nothing. */
  readonly failedMs: number;
  /** `start` itself throws. */
  readonly isStartFailing: boolean;
  /** From stop to gone. */
  readonly drainMs: number;
}

export const WELL_BEHAVED: Behaviour = {
  launchMs: 1,
  loadMs: 50,
  isCrashing: false,
  failedMs: 0,
  isStartFailing: false,
  drainMs: 5,
};

interface Engine {
  spec: InstanceSpec;
  readonly pid: number;
  readonly startedAtMs: number;
  readonly drainMs: number;
  phase: "loading" | "ready" | "unready" | "draining" | "failed";
  workerRestarts: number;
  /** Of its stop, once that has begun. */
  graceMs: number | null;
  /** Monotonic; when it got ready. */
  readyAtMs: number | null;
  /** How it failed, in its own words, before its end. */
  said: InstanceExit | null;
  exit: InstanceExit | null;
}

/** Instances as values: they load, serve, drain and die in the time of the clock, and outlive the control process. */
export class MemoryRuntime implements RuntimeDriver {
  readonly kind = "process";
  readonly engines = new Map<InstanceId, Engine>();
  /** Every instance that was ready once. */
  readonly provenIds = new Set<InstanceId>();
  behaviour: (spec: InstanceSpec) => Behaviour = () => WELL_BEHAVED;
  /** Told of every stop of a living instance before it begins. */
  onStop: (id: InstanceId, graceMs: number) => void = () => {};
  /** Told of every start before it begins, and of when it has ended. */
  onStart: (spec: InstanceSpec) => void = () => {};
  onLaunched: (id: InstanceId) => void = () => {};
  /** Hints are lost when this says so. */
  isHintLost: () => boolean = () => false;
  /** Hints come twice when this says so. */
  isHintDoubled: () => boolean = () => false;
  /** How long a list takes; it tells what was so when it was asked for. */
  latency: () => Promise<void> = async () => {};
  readonly #clock: Clock;
  readonly #listeners = new Set<(id: InstanceId) => void>();
  #pid = 100;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async start(spec: InstanceSpec): Promise<void> {
    const behaviour = this.behaviour(spec);
    this.onStart(spec);
    await this.#clock.sleep(behaviour.launchMs);
    this.onLaunched(spec.id);
    if (behaviour.isStartFailing) throw new Error("no process could be made");
    if (this.engines.get(spec.id)?.exit === null) return; // idempotent
    const engine: Engine = {
      spec,
      pid: this.#pid++,
      startedAtMs: this.#clock.now(),
      drainMs: behaviour.drainMs,
      phase: "loading",
      workerRestarts: 0,
      graceMs: null,
      readyAtMs: null,
      said: null,
      exit: null,
    };
    this.engines.set(spec.id, engine);
    this.#hint(spec.id);
    if (behaviour.loadMs !== null) void this.#load(engine, behaviour.loadMs, behaviour);
  }

  async setAccess(id: InstanceId, { tokens, groupTokens, isBodyChecked }: AccessRules): Promise<void> {
    const engine = this.engines.get(id);
    if (engine !== undefined)
      engine.spec = { ...engine.spec, tokens, ...(groupTokens ? { groupTokens } : {}), isBodyChecked };
  }

  async stop(id: InstanceId, graceMs: number): Promise<void> {
    const engine = this.engines.get(id);
    if (engine === undefined) return;
    if (engine.exit === null) {
      this.onStop(id, graceMs);
      engine.phase = "draining";
      engine.graceMs = graceMs;
      this.#hint(id);
      await this.#clock.sleep(Math.min(engine.drainMs, graceMs));
    }
    if (this.engines.get(id) === engine) this.engines.delete(id);
    this.#hint(id);
  }

  async work(): Promise<[]> {
    return [];
  }

  async list(owner?: ServiceName): Promise<InstanceReport[]> {
    const own = [...this.engines.values()].filter((e) => owner === undefined || e.spec.service === owner);
    const reports = own.map((e) => this.#report(e));
    await this.latency();
    return reports;
  }

  async *hints(signal: AbortSignal): AsyncIterable<InstanceId> {
    const queue: InstanceId[] = [];
    let wake = () => {};
    const listener = (id: InstanceId) => {
      queue.push(id);
      wake();
    };
    this.#listeners.add(listener);
    const onAbort = () => wake();
    signal.addEventListener("abort", onAbort);
    try {
      while (!signal.aborted) {
        const id = queue.shift();
        if (id !== undefined) yield id;
        else {
          const { promise, resolve } = Promise.withResolvers<void>();
          wake = resolve;
          await promise;
        }
      }
    } finally {
      this.#listeners.delete(listener);
      signal.removeEventListener("abort", onAbort);
    }
  }

  async *logs(id: InstanceId, _options: LogOptions): AsyncIterable<string> {
    yield `log of ${id}`;
  }

  /** Ends a living instance from outside, as `kill -9` does. */
  kill(id: InstanceId): void {
    const engine = this.engines.get(id);
    if (engine?.exit === null) this.#end(engine, null, "SIGKILL", "");
  }

  /** A readiness check turns bad, or good again. */
  turn(id: InstanceId, to: "ready" | "unready"): void {
    const engine = this.engines.get(id);
    if (engine?.exit !== null || engine.phase !== (to === "ready" ? "unready" : "ready")) return;
    engine.phase = to;
    this.#hint(id);
  }

  /** A processor worker ends, and its engine starts it again. */
  restartWorker(id: InstanceId): void {
    const engine = this.engines.get(id);
    if (engine?.exit !== null) return;
    engine.workerRestarts += 1;
    this.#hint(id);
  }

  async #load(engine: Engine, loadMs: number, { isCrashing, failedMs }: Behaviour): Promise<void> {
    await this.#clock.sleep(loadMs);
    if (engine.exit !== null || engine.phase !== "loading") return;
    if (isCrashing) {
      if (failedMs > 0) {
        engine.phase = "failed";
        engine.said = this.#exitOf(engine, 1, null, "it cannot be loaded");
        this.#hint(engine.spec.id);
        await this.#clock.sleep(failedMs);
      }
      const isThere = this.engines.get(engine.spec.id) === engine && engine.exit === null;
      if (isThere) this.#end(engine, 1, null, "it cannot be loaded");
    } else {
      engine.phase = "ready";
      engine.readyAtMs = this.#clock.monotonic();
      this.provenIds.add(engine.spec.id);
      this.#hint(engine.spec.id);
    }
  }

  #end(engine: Engine, code: number | null, signal: string | null, message: string): void {
    engine.exit = engine.said ?? this.#exitOf(engine, code, signal, message);
    this.#hint(engine.spec.id);
  }

  #exitOf(
    { startedAtMs }: Engine,
    code: number | null,
    signal: string | null,
    message: string,
  ): InstanceExit {
    return { code, signal, reason: "Error", message, startedAtMs, finishedAtMs: this.#clock.now() };
  }

  #report({ spec, pid, startedAtMs, phase, workerRestarts, exit, said }: Engine): InstanceReport {
    const isAlive = exit === null;
    const workers = { workersReady: 1, workersTotal: 1, workerRestarts };
    const state = { phase, message: "", port: 4000, ...workers, updatedAtMs: startedAtMs };
    const address = { kind: "unix", path: `/run/${spec.id}` } as const;
    return {
      spec,
      isAlive,
      pid: isAlive ? pid : null,
      startedAtMs,
      state: isAlive ? state : null,
      address,
      exit: exit ?? (phase === "failed" ? said : null),
    };
  }

  #hint(id: InstanceId): void {
    if (this.isHintLost()) return;
    const times = this.isHintDoubled() ? 2 : 1;
    for (let i = 0; i < times; i++) for (const listener of this.#listeners) listener(id);
  }
}
