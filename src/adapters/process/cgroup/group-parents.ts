import { accessSync, constants, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CONTROLLERS, type Controller, type Hierarchy, hierarchiesOf } from "./hierarchies.ts";

/** Where groups of instances are made for one controller. */
export interface GroupParent {
  readonly version: 1 | 2;
  /** A folder of the tree. */
  readonly dir: string;
}

/** What of control groups can be had here. */
export interface GroupParents {
  readonly parents: ReadonlyMap<Controller, GroupParent>;
  /** For each controller that cannot be had: why, for people. */
  readonly missing: ReadonlyMap<Controller, string>;
}

export interface FindOptions {
  /** `auto`, `off`, or the path of a group below the mount that instances get theirs in, e.g. `/sluice`. */
  readonly setting: string;
  /** Names this installation: the group that the control process moves to, where its own is needed for instances. */
  readonly installation: string;
  /** Texts of `/proc/self/mountinfo` and `/proc/self/cgroup`. */
  readonly mountinfo: string;
  readonly ownGroups: string;
  readonly uid: number;
  readonly pid: number;
}

/** {@link findGroupParents} of this process. */
export function ownGroupParents(setting: string, installation: string): GroupParents {
  const read = (name: string) => {
    try {
      return readFileSync(`/proc/self/${name}`, "utf8");
    } catch {
      return ""; // no such file system, or no groups in this kernel: nothing can be had
    }
  };
  return findGroupParents({
    setting,
    installation,
    mountinfo: read("mountinfo"),
    ownGroups: read("cgroup"),
    uid: process.getuid?.() ?? 0,
    pid: process.pid,
  });
}

/**
 * Finds where groups can be made. Nothing is mounted for it, and a group that another manager made is left alone: each group
 * has one writer. By itself, only two places are taken: the topmost group that can be seen (a machine without a manager, a
 * container), and a group that belongs to our user (a unit of `systemd --user`, or one with `Delegate=yes` and `User=`).
 */
export function findGroupParents(options: FindOptions): GroupParents {
  const parents = new Map<Controller, GroupParent>();
  const missing = new Map<Controller, string>();
  if (options.setting === "off") {
    for (const controller of CONTROLLERS)
      missing.set(controller, "control groups are switched off (cgroups)");
    return { parents, missing };
  }
  const hierarchies = hierarchiesOf(options.mountinfo, options.ownGroups);
  for (const controller of CONTROLLERS) {
    const found = hierarchies.find((h) => hasController(h, controller));
    const parent =
      found === undefined ? `no tree of control groups has ${controller}` : parentIn(found, options);
    if (typeof parent === "string") missing.set(controller, parent);
    else parents.set(controller, parent);
  }
  prepareUnified(parents, missing, options);
  return { parents, missing };
}

function hasController(hierarchy: Hierarchy, controller: Controller): boolean {
  if (hierarchy.version === 1) return hierarchy.controllers.includes(controller);
  return words(join(hierarchy.mount, hierarchy.own, "cgroup.controllers")).includes(controller);
}

/** The parent, or why there is none. */
function parentIn({ version, mount, own }: Hierarchy, { setting, uid }: FindOptions): GroupParent | string {
  const dir = join(mount, setting === "auto" ? own : setting);
  if (setting === "auto") {
    const owner = statSync(dir, { throwIfNoEntry: false })?.uid;
    const isOurs = own === "/" || (uid !== 0 && owner === uid);
    if (!isOurs) return `the control group ${own} belongs to another manager: name one with --cgroups`;
  }
  try {
    mkdirSync(dir, { recursive: true });
    accessSync(dir, constants.W_OK);
  } catch (error) {
    return `${dir} cannot be written: ${(error as NodeJS.ErrnoException).code}`;
  }
  return { version, dir };
}

/**
 * In a tree of version 2, a group other than the root hands controllers to groups below it only while no process is in it
 * (cgroups(7), "no internal processes"). Only our own process is moved for that.
 */
function prepareUnified(
  parents: Map<Controller, GroupParent>,
  missing: Map<Controller, string>,
  { installation, pid }: FindOptions,
): void {
  const wanted = [...parents].filter(([, { version }]) => version === 2);
  const dir = wanted[0]?.[1].dir;
  if (dir === undefined) return;
  const isRoot = !existsSync(join(dir, "cgroup.type"));
  const members = isRoot ? [] : words(join(dir, "cgroup.procs"));
  const strangers = members.filter((m) => m !== String(pid));
  for (const [controller] of wanted) {
    let why: string | null = null;
    try {
      if (strangers.length > 0) why = `other processes are in ${dir}: start Sluice in a group of its own`;
      else if (members.length > 0) {
        const home = join(dir, `sluice-${installation}-control`);
        mkdirSync(home, { recursive: true });
        writeFileSync(join(home, "cgroup.procs"), String(pid));
        members.length = 0;
      }
      why ??= handDown(dir, controller);
    } catch (error) {
      why = `${dir}: ${(error as Error).message}`;
    }
    if (why === null) continue;
    parents.delete(controller);
    missing.set(controller, why);
  }
}

/** Lets groups below `dir` have a controller; null, or why that is not so. */
export function handDown(dir: string, controller: Controller): string | null {
  const file = join(dir, "cgroup.subtree_control");
  if (words(file).includes(controller)) return null;
  writeFileSync(file, `+${controller}`);
  return words(file).includes(controller) ? null : `${dir} does not hand down ${controller}`;
}

function words(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split(/\s+/).filter(Boolean);
  } catch {
    return [];
  }
}
