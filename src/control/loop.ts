/**
 * One loop with many keys. A key is due at some time; a run of it looks at the world and does what is to do; its outcome
 * says when it is due again. At most one run of a key goes on at a time, and at most `concurrency` runs in all. Whoever
 * learns something wakes a key, with a cause for people; a wake during a run makes it run once more. A run that
 * throws is due again after a backoff. Every key has a period, since wakes may be lost. Of keys that are due, those go first that somebody waits
 * for: a command must not stand behind the periods of a thousand services.
 */
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Random } from "../ports/random.ts";
import { type Due, DueQueue } from "./due-queue.ts";

export interface Task {
  readonly key: string;
  /** For people: what this key is for. */
  readonly purpose: string;
  /** Longest time between two runs; a function is asked after each run. */
  readonly periodMs: number | (() => number);
  /** Goes before others whenever it is woken: all wait for what it does. */
  readonly isFirst?: true;
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

interface Entry extends Due {
  readonly task: Task;
  cause: string;
  isRunning: boolean;
  /** Set by a wake while it runs. */
  nextCause: string | null;
  /** Somebody waits for the run that this wake makes. */
  isNextFirst: boolean;
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
  /**
   * Lets everything else of this process have its turn. A run that waits for nothing from outside, since the store answers at once, never does so by
   * itself: a thousand of them in a row would keep timers, gateways and the API waiting until the last. Not there: nothing else is.
   */
  readonly breathe?: () => Promise<void>;
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
  /** Due now, before all others, in the order in which they were woken. */
  readonly #first = new Set<Entry>();
  /** All others that do not run. */
  readonly #queue = new DueQueue<Entry>();
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
    const entry: Entry = {
      task,
      dueAt: this.#deps.clock.monotonic(),
      place: -1,
      turn: 0,
      cause,
      isRunning: false,
      nextCause: null,
      isNextFirst: false,
      failures: 0,
      lastCause: null,
      lastResult: null,
      lastRunAtMs: null,
      startedAt: 0,
    };
    this.#entries.set(task.key, entry);
    this.#enqueue(entry, task.isFirst === true);
    this.#wakeUp();
  }

  /** The same as {@link wake}; and it goes before all that nobody waits for. */
  wakeFirst(key: string, cause: string): void {
    const entry = this.#entries.get(key);
    this.wake(key, cause);
    if (entry?.isRunning) entry.isNextFirst = true;
    else if (entry !== undefined) this.#enqueue(entry, true);
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
    this.#enqueue(entry, entry.task.isFirst === true);
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
        if (this.#startDue(signal) > 0) await this.#deps.breathe?.();
        await this.#wait(this.#nextDueInMs());
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
      await Promise.allSettled(this.#running);
    }
  }

  /** Gives how many it started. */
  #startDue(signal: AbortSignal): number {
    const now = this.#deps.clock.monotonic();
    let count = 0;
    while (this.#running.size < this.#deps.concurrency) {
      const entry = this.#next(now);
      if (entry === undefined) return count;
      count += 1;
      const run = this.#runOnce(entry, signal).finally(() => {
        this.#running.delete(run);
        this.#wakeUp();
      });
      this.#running.add(run);
    }
    return count;
  }

  /** Takes out whose turn it is. */
  #next(now: number): Entry | undefined {
    for (const entry of this.#first) {
      this.#first.delete(entry);
      return entry;
    }
    const { first } = this.#queue;
    if (first === undefined || first.dueAt > now) return undefined;
    this.#queue.remove(first);
    return first;
  }

  /** One that is among the first stays there. */
  #enqueue(entry: Entry, isFirst: boolean): void {
    if (this.#first.has(entry)) return;
    if (isFirst) {
      this.#queue.remove(entry);
      this.#first.add(entry);
    } else this.#queue.put(entry);
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
      const { periodMs } = task;
      const period = this.#jittered(typeof periodMs === "number" ? periodMs : periodMs());
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
    else this.#enqueue(entry, isWoken && (entry.isNextFirst || task.isFirst === true));
    entry.isNextFirst = false;
  }

  #jittered(ms: number): number {
    return ms * (1 - JITTER + 2 * JITTER * this.#deps.random.next());
  }

  #nextDueInMs(): number {
    if (this.#running.size >= this.#deps.concurrency) return Number.POSITIVE_INFINITY;
    if (this.#first.size > 0) return 0;
    const { first } = this.#queue;
    return first === undefined ? Number.POSITIVE_INFINITY : first.dueAt - this.#deps.clock.monotonic();
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
