/**
 * One loop with many keys. A key is due at some time; a run of it looks at the world and does what is to do; its outcome
 * says when it is due again. At most one run of a key goes on at a time, and at most `concurrency` runs in all. Whoever
 * learns something wakes a key, with a cause for people; a wake during a run makes it run once more. A run that
 * throws is due again after a backoff. Every key has a period, since wakes may be lost.
 */
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Random } from "../ports/random.ts";

export interface Task {
  readonly key: string;
  /** For people: what this key is for. */
  readonly purpose: string;
  /** Longest time between two runs. */
  readonly periodMs: number;
  run(cause: string, signal: AbortSignal): Promise<Outcome>;
}

export type Outcome =
  | { readonly kind: "settled"; readonly text: string }
  | { readonly kind: "recheck"; readonly inMs: number; readonly text: string }
  /** Nothing is left to do, ever: the key is forgotten unless it was woken meanwhile. */
  | { readonly kind: "finished"; readonly text: string };

export interface TaskReport {
  readonly name: string;
  readonly purpose: string;
  readonly lastCause: string | null;
  readonly lastResult: string | null;
  readonly lastRunAtMs: number | null;
  readonly nextDueInMs: number | null;
  /** How long it has been due without running; 0 while it is not. */
  readonly overdueMs: number;
  /** How long its run has gone on; null: none goes on. */
  readonly runningMs: number | null;
}

interface Entry {
  readonly task: Task;
  dueAt: number;
  cause: string;
  isRunning: boolean;
  /** Set by a wake while it runs. */
  nextCause: string | null;
  failures: number;
  lastCause: string | null;
  lastResult: string | null;
  lastRunAtMs: number | null;
  /** By the monotonic clock; of the run that goes on, or the last. */
  startedAt: number;
}

export interface LoopDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Runs at a time. Each waits for disks and processes, not for a core. */
  readonly concurrency: number;
}

/** First and longest wait after a run that threw. */
const ERROR_BACKOFF_MIN_MS = 100;
const ERROR_BACKOFF_MAX_MS = 30_000;
/** A period is spread by so much either way, so that keys do not march in step. */
const JITTER = 0.1;

/** Why a sleep ends early. Given, since one that is made for each sleep, with its stack, costs more than the sleep. */
const OVER = "a key is due";

export class Loop {
  readonly #deps: LoopDeps;
  readonly #entries = new Map<string, Entry>();
  readonly #running = new Set<Promise<void>>();
  #poke: () => void = () => {};
  #isPoked = false;

  constructor(deps: LoopDeps) {
    this.#deps = deps;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** Adds a key, due at once. One that is there stays as it is. */
  add(task: Task, cause: string): void {
    if (this.#entries.has(task.key)) return;
    this.#entries.set(task.key, {
      task,
      dueAt: this.#deps.clock.monotonic(),
      cause,
      isRunning: false,
      nextCause: null,
      failures: 0,
      lastCause: null,
      lastResult: null,
      lastRunAtMs: null,
      startedAt: 0,
    });
    this.#wakeUp();
  }

  /** Makes a key due now. Unknown keys are ignored: they are finished, or not there yet. */
  wake(key: string, cause: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    if (entry.isRunning) {
      entry.nextCause = cause;
      return;
    }
    entry.dueAt = Math.min(entry.dueAt, this.#deps.clock.monotonic());
    entry.cause = cause;
    this.#wakeUp();
  }

  reports(): TaskReport[] {
    const now = this.#deps.clock.monotonic();
    return [...this.#entries.values()].map((e) => ({
      name: e.task.key,
      purpose: e.task.purpose,
      lastCause: e.lastCause,
      lastResult: e.lastResult,
      lastRunAtMs: e.lastRunAtMs,
      nextDueInMs: e.isRunning ? null : Math.max(0, Math.round(e.dueAt - now)),
      overdueMs: e.isRunning ? 0 : Math.max(0, Math.round(now - e.dueAt)),
      runningMs: e.isRunning ? Math.round(now - e.startedAt) : null,
    }));
  }

  /** Runs keys until the signal; resolves when the last run has ended. */
  async run(signal: AbortSignal): Promise<void> {
    const onAbort = () => this.#wakeUp();
    signal.addEventListener("abort", onAbort);
    try {
      while (!signal.aborted) {
        this.#startDue(signal);
        await this.#wait(this.#nextDueInMs());
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
      await Promise.allSettled(this.#running);
    }
  }

  #startDue(signal: AbortSignal): void {
    const now = this.#deps.clock.monotonic();
    const due = [...this.#entries.values()]
      .filter((e) => !e.isRunning && e.dueAt <= now)
      .sort((a, b) => a.dueAt - b.dueAt);
    for (const entry of due) {
      if (this.#running.size >= this.#deps.concurrency) return;
      const run = this.#runOnce(entry, signal).finally(() => {
        this.#running.delete(run);
        this.#wakeUp();
      });
      this.#running.add(run);
    }
  }

  async #runOnce(entry: Entry, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps;
    const { task } = entry;
    entry.isRunning = true;
    entry.lastCause = entry.cause;
    entry.lastRunAtMs = clock.now();
    entry.startedAt = clock.monotonic();
    let dueInMs: number;
    let isFinished = false;
    try {
      const outcome = await task.run(entry.cause, signal);
      entry.failures = 0;
      entry.lastResult = outcome.text;
      isFinished = outcome.kind === "finished";
      const period = this.#jittered(task.periodMs);
      dueInMs = outcome.kind === "recheck" ? Math.min(Math.max(0, outcome.inMs), period) : period;
    } catch (error) {
      const backoff = ERROR_BACKOFF_MIN_MS * 2 ** Math.min(16, entry.failures);
      dueInMs = this.#jittered(Math.min(ERROR_BACKOFF_MAX_MS, backoff));
      entry.failures += 1;
      entry.lastResult = `failed: ${error instanceof Error ? error.message : String(error)}`;
      if (!signal.aborted)
        log.warn({ key: task.key, err: error, dueInMs }, "a run failed and is tried again");
    }
    entry.isRunning = false;
    const isWoken = entry.nextCause !== null;
    entry.cause = entry.nextCause ?? (entry.failures > 0 ? "retry" : "period");
    entry.nextCause = null;
    entry.dueAt = clock.monotonic() + (isWoken ? 0 : dueInMs);
    if (isFinished && !isWoken) this.#entries.delete(task.key);
  }

  #jittered(ms: number): number {
    return ms * (1 - JITTER + 2 * JITTER * this.#deps.random.next());
  }

  #nextDueInMs(): number {
    if (this.#running.size >= this.#deps.concurrency) return Number.POSITIVE_INFINITY;
    const now = this.#deps.clock.monotonic();
    let next = Number.POSITIVE_INFINITY;
    for (const entry of this.#entries.values())
      if (!entry.isRunning) next = Math.min(next, entry.dueAt - now);
    return next;
  }

  #wakeUp(): void {
    this.#isPoked = true;
    this.#poke();
  }

  async #wait(ms: number): Promise<void> {
    if (!this.#isPoked && ms > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const sleep = new AbortController();
      this.#poke = resolve;
      if (ms !== Number.POSITIVE_INFINITY) {
        this.#deps.clock.sleep(ms, sleep.signal).then(resolve, resolve); // aborted below, or over
      }
      await promise;
      sleep.abort(OVER);
      this.#poke = () => {};
    }
    this.#isPoked = false;
  }
}
