import { readFileSync } from "node:fs";

/** Where the kernel tells of itself; others in tests. */
export interface KernelRoots {
  readonly proc: string;
  /** Where control groups are mounted: the one tree of version 2; a folder `memory` for version 1. */
  readonly cgroup: string;
}

const ROOTS: KernelRoots = { proc: "/proc", cgroup: "/sys/fs/cgroup" };

/** Counts what the kernel killed for want of memory in the control group that a process was in when the counter was made. */
export class OomKills {
  readonly #files: readonly string[];
  readonly #before: number;

  constructor(pid: number, roots: KernelRoots = ROOTS) {
    this.#files = countFiles(pid, roots);
    this.#before = this.#count();
  }

  /** Since the counter was made; 0 where no control group tells. */
  since(): number {
    return Math.max(0, this.#count() - this.#before);
  }

  /** `oom_kill` of memory.events (cgroups(7), version 2), or of memory.oom_control (version 1); 0 when neither can be read. */
  #count(): number {
    for (const file of this.#files) {
      try {
        const found = /^oom_kill (\d+)$/m.exec(readFileSync(file, "latin1"));
        if (found !== null) return Number(found[1]);
      } catch {
        // Not this version, or the group is gone.
      }
    }
    return 0;
  }
}

/** The lines of /proc/PID/cgroup are `number:controllers:path`; that of version 2 is `0::path`. */
function countFiles(pid: number, { proc, cgroup }: KernelRoots): string[] {
  let lines: string[];
  try {
    lines = readFileSync(`${proc}/${pid}/cgroup`, "utf8").split("\n");
  } catch {
    return [];
  }
  return lines.flatMap((line) => {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path === undefined) return [];
    if (controllers === "") return [`${cgroup}${path}/memory.events`];
    return controllers?.split(",").includes("memory") ? [`${cgroup}/memory${path}/memory.oom_control`] : [];
  });
}
