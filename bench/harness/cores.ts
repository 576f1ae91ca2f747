/** Which core a process runs on, and that nothing else takes it away. Linux; where it is not allowed, nothing happens. */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { cpus } from "node:os";

/** Below the kernel's own threads. */
const PRIORITY = "10";

/** There is more than one, so that sides can be kept apart. */
export const hasCores = cpus().length > 1;

/** This process stays on a core, and so does what it starts from now on. */
export function stayOn(core: number): void {
  spawnSync("taskset", ["-a", "-cp", String(core), String(process.pid)]);
}

/**
 * The main thread of a process goes to one core, the others that it has so far to another: what collects and compiles beside it neither takes its
 * core from it nor waits for it.
 */
export function spreadOver(pid: number, mainCore: number, otherCore: number): void {
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const core = Number(thread) === pid ? mainCore : otherCore;
    spawnSync("taskset", ["-cp", String(core), thread]);
  }
}

/**
 * The main thread of a process goes before everything that has no such priority; its other threads, which the collector and the compiler have, do
 * not. False: that is not allowed here.
 */
export function goFirst(pid: number): boolean {
  return spawnSync("chrt", ["-f", "-p", PRIORITY, String(pid)]).status === 0;
}
