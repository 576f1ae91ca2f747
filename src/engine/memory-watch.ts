import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { growthText, type MemoryGrowth, MemoryTrend, nearestToLimit } from "../core/health/memory-growth.ts";
import type { InstanceSpec, InstanceState, WorkerMemory } from "../core/instance-spec.ts";
import type { LogFile } from "./log-file.ts";

/** Of Linux on the machines that Node runs on: x86-64 and, nearly always, arm64. */
const PAGE_BYTES = 4096;
/**
 * What several workers share (proc(5), smaps_rollup) is measured this often, in ms: the kernel walks all their pages for it, 10 ms and more for each GB, while
 * what they have resident is a number that it keeps.
 */
const SHARED_EVERY_MS = 60_000;
/** A change of the memory that is worth telling: more than both. */
const TOLD_SHARE = 0.02;
const TOLD_BYTES = 1024 * 1024;
/** A change of the growth that is worth telling. */
const TOLD_GROWTH_SHARE = 0.2;
/** Of all workers together, in place of a pid. */
const TOGETHER = 0;

/** The workers as they are at a look, and the process that forks them, if one does. */
export interface WatchedWorkers {
  readonly workers: readonly WatchedWorker[];
  /** Null: none does. */
  readonly parentPid: number | null;
}

export interface WatchedWorker {
  readonly pid: number;
  /** That it was given since it started. */
  readonly requests: number;
}

export interface MemoryWatchParts {
  readonly spec: InstanceSpec;
  readonly workers: () => WatchedWorkers;
  /** Monotonic ms. */
  readonly now: () => number;
  readonly log: Pick<LogFile, "line">;
  readonly onChange: () => void;
}

/**
 * Looks at the memory of the workers from time to time, from outside: a request costs nothing. Whether it grows is told of processors whose
 * memory goes back when it is free; that of a Java machine fills up to its limit before anything is collected, and says nothing.
 */
export class MemoryWatch {
  readonly #parts: MemoryWatchParts;
  readonly #isTelling: boolean;
  #timer: NodeJS.Timeout | null = null;
  /** What one limit is for: all together, or each worker by its pid. */
  #trends = new Map<number, MemoryTrend>();
  #processes = "";
  #memory: WorkerMemory | null = null;
  /** What is counted more than once when the resident memory of each is added up, when that was last measured. */
  #shared = { atMs: Number.NEGATIVE_INFINITY, bytes: 0 };
  #isLooking = false;

  constructor(parts: MemoryWatchParts) {
    this.#parts = parts;
    this.#isTelling = !isJava(parts.spec);
  }

  /** What is said of it in state.json. */
  get told(): Pick<InstanceState, "memory"> {
    return this.#memory === null ? {} : { memory: this.#memory };
  }

  start(everyMs: number): void {
    this.#timer = setInterval(() => void this.look(), everyMs);
    this.#timer.unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  async look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      await this.#look();
    } finally {
      this.#isLooking = false;
    }
  }

  async #look(): Promise<void> {
    const { workers, parentPid } = this.#parts.workers();
    const pids = [...(parentPid === null ? [] : [parentPid]), ...workers.map(({ pid }) => pid)];
    const resident = workers.length === 0 ? null : residentBytes(pids);
    if (resident === null) return; // none is ready, or one has just ended
    const processes = pids.join();
    if (processes !== this.#processes) {
      this.#processes = processes;
      this.#shared = { atMs: Number.NEGATIVE_INFINITY, bytes: 0 };
      this.#trends.delete(TOGETHER);
    }
    const sum = [...resident.values()].reduce((all, bytes) => all + bytes, 0);
    const atMs = this.#parts.now();
    if (pids.length > 1 && atMs - this.#shared.atMs >= SHARED_EVERY_MS) {
      const bytes = await proportionalBytes(pids);
      if (bytes === null || this.#timer === null) return;
      this.#shared = { atMs, bytes: Math.max(0, sum - bytes) };
    }
    const bytes = Math.max(0, sum - this.#shared.bytes);
    this.#take(bytes, this.#isTelling ? this.#growth(atMs, workers, resident, bytes) : null);
  }

  /** A control group holds all together; without one, each worker has the limit for itself. */
  #growth(
    atMs: number,
    workers: readonly WatchedWorker[],
    resident: ReadonlyMap<number, number>,
    bytes: number,
  ): MemoryGrowth | null {
    if (this.#parts.spec.limits.isMemoryHeld === true || workers.length === 1) {
      const requests = workers.reduce((sum, worker) => sum + worker.requests, 0);
      return this.#trendOf(TOGETHER).add({ atMs, requests, bytes });
    }
    for (const pid of this.#trends.keys()) if (!resident.has(pid)) this.#trends.delete(pid);
    const nearest = nearestToLimit(
      workers.map(({ pid, requests }) =>
        this.#trendOf(pid).add({ atMs, requests, bytes: resident.get(pid)! }),
      ),
    );
    return nearest === null ? null : { ...nearest, isOfOneWorker: true };
  }

  #trendOf(key: number): MemoryTrend {
    const trend = this.#trends.get(key) ?? new MemoryTrend(this.#parts.spec.limits.memoryMb * 2 ** 20);
    this.#trends.set(key, trend);
    return trend;
  }

  #take(bytes: number, growth: MemoryGrowth | null): void {
    if (this.#memory !== null && isAbout(this.#memory, bytes, growth)) return;
    if (growth !== null && this.#memory?.growth === undefined) this.#parts.log.line(growthText(growth));
    this.#memory = { bytes, ...(growth === null ? {} : { growth }) };
    this.#parts.onChange();
  }
}

/** Nothing is worth telling. */
function isAbout(told: WorkerMemory, bytes: number, growth: MemoryGrowth | null): boolean {
  if (Math.abs(bytes - told.bytes) > Math.max(TOLD_BYTES, told.bytes * TOLD_SHARE)) return false;
  if (told.growth === undefined || growth === null) return (told.growth === undefined) === (growth === null);
  const { bytesPerThousand } = told.growth;
  return Math.abs(growth.bytesPerThousand - bytesPerThousand) <= bytesPerThousand * TOLD_GROWTH_SHARE;
}

/** Second field of `/proc/PID/statm`, of each; null when one has ended. */
function residentBytes(pids: readonly number[]): ReadonlyMap<number, number> | null {
  const pagesOf = (pid: number) => Number(readFileSync(`/proc/${pid}/statm`, "latin1").split(" ")[1]);
  try {
    return new Map(pids.map((pid) => [pid, pagesOf(pid) * PAGE_BYTES]));
  } catch {
    return null;
  }
}

/** `Pss` of all of them: a page that several have counts once in all. Read beside the requests. Null when one has ended, or is not ours to look at. */
async function proportionalBytes(pids: readonly number[]): Promise<number | null> {
  try {
    let sum = 0;
    for (const pid of pids) {
      const kib = /^Pss:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/smaps_rollup`, "latin1"))?.[1];
      sum += Number(kib) * 1024;
    }
    return Number.isNaN(sum) ? null : sum;
  } catch {
    return null;
  }
}

function isJava({ processor }: InstanceSpec): boolean {
  if (processor.kind === "builtin") return processor.family === "pmml";
  return processor.kind === "custom" && processor.language === "java";
}
