import { readFileSync } from "node:fs";
import { growthText, type MemoryGrowth, MemoryTrend } from "../core/health/memory-growth.ts";
import type { InstanceSpec, InstanceState, WorkerMemory } from "../core/instance-spec.ts";
import type { LogFile } from "./log-file.ts";

/** Of Linux on the machines that Node runs on: x86-64 and, nearly always, arm64. */
const PAGE_BYTES = 4096;
/** A change of the memory that is worth telling: more than both. */
const TOLD_SHARE = 0.02;
const TOLD_BYTES = 1024 * 1024;
/** A change of the growth that is worth telling. */
const TOLD_GROWTH_SHARE = 0.2;

/** The workers as they are at a look. */
export interface WatchedWorkers {
  readonly pids: readonly number[];
  /** Requests that they were given since the first of them started. */
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
  /** Of the processes that are watched now. */
  #trend: MemoryTrend | null = null;
  #processes = "";
  #memory: WorkerMemory | null = null;

  constructor(parts: MemoryWatchParts) {
    this.#parts = parts;
    this.#isTelling = !isJava(parts.spec);
  }

  /** What is said of it in state.json. */
  get told(): Pick<InstanceState, "memory"> {
    return this.#memory === null ? {} : { memory: this.#memory };
  }

  start(everyMs: number): void {
    this.#timer = setInterval(() => this.look(), everyMs);
    this.#timer.unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  look(): void {
    const { pids, requests } = this.#parts.workers();
    const bytes = pids.length === 0 ? null : residentBytes(pids);
    if (bytes === null) return; // none is ready, or one has just ended
    const processes = pids.join();
    if (processes !== this.#processes) {
      this.#processes = processes;
      this.#trend = new MemoryTrend(this.#parts.spec.limits.memoryMb * 2 ** 20);
    }
    const sample = { atMs: this.#parts.now(), requests, bytes };
    const growth = this.#isTelling ? this.#trend!.add(sample) : null;
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

/** Second field of `/proc/PID/statm`, of all of them; null when one has ended. */
function residentBytes(pids: readonly number[]): number | null {
  try {
    const pages = pids.map((pid) => Number(readFileSync(`/proc/${pid}/statm`, "latin1").split(" ")[1]));
    return pages.reduce((sum, count) => sum + count, 0) * PAGE_BYTES;
  } catch {
    return null;
  }
}

function isJava({ processor }: InstanceSpec): boolean {
  if (processor.kind === "builtin") return processor.family === "pmml";
  return processor.kind === "custom" && processor.language === "java";
}
