import { readFileSync } from "node:fs";

/** Memory of the processes in KiB, where each has its part of what several share (`Pss` of `/proc/PID/smaps_rollup`). */
export function proportionalKib(pids: readonly number[]): number {
  const of = (pid: number) =>
    /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "latin1"))![1];
  return pids.reduce((sum, pid) => sum + Number(of(pid)), 0);
}
