import { readdirSync, readFileSync } from "node:fs";
import { readProcessGroup } from "../../base/process-identity.ts";

/**
 * Kills what a process that was killed left at work in a folder: each Python there began a group of its own, and names the folder in
 * its command line. Else it would go on writing what is being removed.
 */
export function killLeftOvers(folder: string): void {
  for (const pid of readdirSync("/proc").map(Number)) {
    if (!Number.isInteger(pid) || pid === process.pid || readProcessGroup(pid) !== pid) continue;
    if (!namesFolder(pid, folder)) continue;
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // It is gone by now.
    }
  }
}

function namesFolder(pid: number, folder: string): boolean {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    return words.some((word) => word === folder || word.startsWith(`${folder}/`));
  } catch {
    return false;
  }
}
