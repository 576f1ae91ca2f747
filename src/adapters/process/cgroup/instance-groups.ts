import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { LimitSpec, LimitsInForce } from "../../../core/instance-spec.ts";
import { type GroupFile, limitFiles, oomFile, oomKillsIn, shareOfAll } from "./group-files.ts";
import { type GroupParent, type GroupParents, handDown } from "./group-parents.ts";
import { CONTROLLERS, type Controller } from "./hierarchies.ts";

/** How often a group whose processes were killed is looked at until it is empty. */
const LOOK_MS = 20;
/** A killed process that is still there after this hangs in the kernel. */
const EMPTY_MS_MAX = 10_000;

/**
 * Puts the shell into each of `n` groups and becomes the program: so that the program is in them before its first instruction, and with
 * it all that it ever starts. The text is the same for every instance; paths and the program are arguments.
 */
const ENTER =
  'n=$1; shift; while [ "$n" -gt 0 ]; do echo 0 >"$1" || exit 126; shift; n=$((n-1)); done; exec "$@"';

/** What an instance that is about to be started was given. */
export interface Entered {
  readonly command: readonly string[];
  readonly inForce: LimitsInForce;
}

type GroupMeans = "cgroup1" | "cgroup2";

export interface InstanceGroupsOptions {
  /** Names the installation among others on the machine. */
  readonly installation: string;
  /** Processes and threads that one instance may have. */
  readonly pidsMax: number;
  /** Of the machine. */
  readonly cores: number;
}

/** The control groups of one installation: a group for each instance, named as its run folder, below one of the installation. */
export class InstanceGroups {
  readonly #found: GroupParents;
  readonly #name: string;
  readonly #options: InstanceGroupsOptions;

  constructor(found: GroupParents, options: InstanceGroupsOptions) {
    this.#found = found;
    this.#name = `sluice-${options.installation}`;
    this.#options = options;
  }

  /** What holds instances here, as long as no single group fails. */
  get inForce(): LimitsInForce {
    const { parents, missing } = this.#found;
    const meansOf = (controller: Controller) => {
      const version = parents.get(controller)?.version;
      return version === undefined ? null : meansOfVersion(version);
    };
    return inForceOf(meansOf, missing);
  }

  /**
   * Makes the groups of an instance with its limits; the command that comes back enters them first. What cannot be had is left to the
   * older ways (decision 0006), and said.
   */
  enter(instance: string, limits: LimitSpec, command: readonly string[]): Entered {
    const missing = new Map(this.#found.missing);
    const means = new Map<Controller, GroupMeans>();
    const dirs = new Set<string>();
    for (const [controller, parent] of this.#found.parents) {
      try {
        dirs.add(this.#make(instance, controller, parent, limits));
        means.set(controller, meansOfVersion(parent.version));
      } catch (error) {
        missing.set(controller, (error as Error).message);
      }
    }
    const inForce = inForceOf((controller) => means.get(controller) ?? null, missing);
    if (dirs.size === 0) return { command, inForce };
    const files = [...dirs].map((dir) => join(dir, "cgroup.procs"));
    return { command: ["/bin/sh", "-c", ENTER, "sh", String(files.length), ...files, ...command], inForce };
  }

  /** Processes of the instance that the kernel has killed for want of memory, since it was started. */
  oomKills(instance: string): number {
    const parent = this.#found.parents.get("memory");
    if (parent === undefined) return 0;
    return oomKillsIn(readIfThere(join(parent.dir, this.#name, instance, oomFile(parent.version))));
  }

  /** Kills all that is in the groups of an instance. */
  kill(instance: string): void {
    for (const dir of this.#dirsOf(instance)) {
      // A process in another name space of pids is listed as 0, which would mean our own group to kill(2).
      const pids = readIfThere(join(dir, "cgroup.procs")).split("\n").map(Number);
      for (const pid of pids.filter((p) => p > 0)) {
        try {
          process.kill(pid, "SIGKILL");
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
        }
      }
    }
  }

  /**
   * Kills all that is left in the groups of an instance, and removes them. Nothing happens where none are.
   * @throws Error when something killed does not go away
   */
  async end(instance: string): Promise<void> {
    const until = performance.now() + EMPTY_MS_MAX;
    for (;;) {
      const left = this.#dirsOf(instance).filter((dir) => !isRemoved(dir));
      if (left.length === 0) return;
      this.kill(instance); // again each time: what forks may have had a child meanwhile
      if (performance.now() > until) throw new Error(`${left[0]} has processes that do not end`);
      await delay(LOOK_MS);
    }
  }

  /** Instances that have a group. */
  instances(): string[] {
    return [...new Set(this.#roots().flatMap((root) => foldersIn(root)))];
  }

  /** Removes the groups of the installation, if no instance has one any more. */
  close(): void {
    for (const root of this.#roots()) isRemoved(root);
  }

  #make(instance: string, controller: Controller, { version, dir }: GroupParent, limits: LimitSpec): string {
    const root = join(dir, this.#name);
    const own = join(root, instance);
    mkdirSync(root, { recursive: true });
    const why = version === 2 ? handDown(root, controller) : null;
    if (why !== null) throw new Error(why);
    const { cores, pidsMax } = this.#options;
    write(root, shareOfAll(version, controller, cores));
    mkdirSync(own, { recursive: true });
    write(own, limitFiles(version, controller, limits, pidsMax));
    return own;
  }

  #roots(): string[] {
    return [...new Set([...this.#found.parents.values()].map(({ dir }) => join(dir, this.#name)))];
  }

  #dirsOf(instance: string): string[] {
    return this.#roots().map((root) => join(root, instance));
  }
}

const meansOfVersion = (version: 1 | 2): GroupMeans => (version === 2 ? "cgroup2" : "cgroup1");

function inForceOf(
  meansOf: (controller: Controller) => GroupMeans | null,
  missing: ReadonlyMap<Controller, string>,
): LimitsInForce {
  return {
    memory: meansOf("memory") ?? "rlimit",
    cpu: meansOf("cpu") ?? "hint",
    processes: meansOf("pids") ?? "none",
    note: noteOf(missing),
  };
}

/** Files of a group are there with it; one that is not tells of a kernel without it. */
function write(dir: string, files: readonly GroupFile[]): void {
  for (const { name, value, isOptional } of files) {
    try {
      writeFileSync(join(dir, name), value, { flag: "r+" });
    } catch (error) {
      if (isOptional !== true) throw error;
    }
  }
}

/** Why something is not held by a control group, each reason once; null when all is. */
function noteOf(missing: ReadonlyMap<Controller, string>): string | null {
  const byReason = new Map<string, Controller[]>();
  for (const controller of CONTROLLERS) {
    const why = missing.get(controller);
    if (why !== undefined) byReason.set(why, [...(byReason.get(why) ?? []), controller]);
  }
  const told = [...byReason].map(([why, controllers]) => `${controllers.join(", ")}: ${why}`);
  return told.length === 0 ? null : told.join("; ");
}

/** True once the group is gone. A group with processes or groups in it stays. */
function isRemoved(dir: string): boolean {
  try {
    rmdirSync(dir);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT";
  }
}

function foldersIn(dir: string): string[] {
  try {
    return readdirSync(dir, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? [e.name] : []));
  } catch {
    return []; // none was made yet
  }
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
