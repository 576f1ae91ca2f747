import { dirname } from "node:path";
import { error, type Finding, ok, warning } from "./finding.ts";
import type { Machine } from "./machine.ts";

const GB = 1e9;
/** A Python environment with a deep learning library takes 5 GB; the store needs little, and must never lack it. */
const DISK = { warning: 5 * GB, error: 0.5 * GB };
/** One instance without metadata.memory counts with 1000 MB. */
const MEMORY_WARNING = 1 * GB;
/** Each connection of a gateway takes two: itself, and the one to an instance. */
const FILES = { warning: 4096, error: 256 };
/** An instance with a Python library takes some dozens of threads. */
const PROCESSES_WARNING = 2048;

/** Room on the disk of the home. */
export function checkDisk(machine: Machine, home: string): Finding {
  let folder = home;
  while (!machine.exists(folder) && dirname(folder) !== folder) folder = dirname(folder);
  const free = machine.freeBytes(folder);
  if (free === null) return warning("disk", `nobody knows what is free at ${folder}`, `df -h ${folder}`);
  const text = `${gigabytes(free)} free at ${folder}`;
  const fixes = ["sluice cache ls; sluice cache rm <content>", "sluice env ls; sluice env rm <environment>"];
  if (free < DISK.error) return error("disk", `${text}: writes will fail soon`, ...fixes);
  if (free < DISK.warning) return warning("disk", `${text}: little for models and environments`, ...fixes);
  return ok("disk", text);
}

export function checkMemory(machine: Machine): Finding {
  const text = `${gigabytes(machine.availableBytes)} of ${gigabytes(machine.memoryBytes)} available`;
  return machine.availableBytes >= MEMORY_WARNING
    ? ok("memory", text)
    : warning("memory", `${text}: hardly an instance fits`, "sluice top; sluice stop <service>");
}

/** Open files and processes that this user may have (proc_pid_limits(5)). */
export function checkLimits(machine: Machine): Finding[] {
  const limits = machine.read("/proc/self/limits");
  if (limits === null) return [warning("limits", "/proc cannot be read; Sluice needs Linux with /proc")];
  const soft = (name: string) => {
    const text = new RegExp(`^${name} +(\\S+)`, "m").exec(limits)?.[1] ?? "unlimited";
    return text === "unlimited" ? Number.POSITIVE_INFINITY : Number(text);
  };
  const files = soft("Max open files");
  const processes = soft("Max processes");
  const filesText = `${number(files)} open files`;
  const fix = "ulimit -n 65536   (in the shell that starts sluice serve; LimitNOFILE=65536 in its unit)";
  return [
    files < FILES.error
      ? error("open files", `${filesText}: hardly a connection fits`, fix)
      : files < FILES.warning
        ? warning("open files", `${filesText}: few connections fit`, fix)
        : ok("open files", filesText),
    processes < PROCESSES_WARNING
      ? warning(
          "processes",
          `${number(processes)} processes and threads`,
          "ulimit -u 8192   (TasksMax=8192 in its unit)",
        )
      : ok("processes", `${number(processes)} processes and threads`),
  ];
}

const CGROUP_2 = "/sys/fs/cgroup/cgroup.controllers";
const CGROUP_1 = "/sys/fs/cgroup/memory";

/** Control groups hold instances to their memory and CPU; without them each process has its own limit. */
export function checkCgroups(machine: Machine): Finding {
  const version = machine.exists(CGROUP_2) ? 2 : machine.exists(CGROUP_1) ? 1 : null;
  if (version === null)
    return warning(
      "cgroups",
      "there are none: memory is held for each process by itself",
      "see docs/guide/operations.md, What an instance may have",
    );
  const own = version === 2 ? `/sys/fs/cgroup${ownGroup(machine)}` : CGROUP_1;
  if (machine.isWritable(own)) return ok("cgroups", `version ${version}, and ours to write`);
  return warning(
    "cgroups",
    `version ${version}, and not ours to write: memory is held for each process by itself`,
    "systemd-run --user --scope -p Delegate=yes sluice serve",
  );
}

/** `0::/user.slice/…` in /proc/self/cgroup. */
const ownGroup = (machine: Machine) =>
  /^0::(\/.*)$/m.exec(machine.read("/proc/self/cgroup") ?? "")?.[1] ?? "";

const gigabytes = (bytes: number) => `${(bytes / GB).toFixed(1)} GB`;
const number = (value: number) => (Number.isFinite(value) ? String(value) : "any number of");
