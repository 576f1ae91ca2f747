/** What an instance can be held by. `pids` counts processes and their threads. */
export type Controller = "memory" | "cpu" | "pids";
export const CONTROLLERS: readonly Controller[] = ["memory", "cpu", "pids"];

/** One mounted tree of control groups, and where this process stands in it. */
export interface Hierarchy {
  /** 2: one tree for all controllers; 1: a tree for each, or for a few. */
  readonly version: 1 | 2;
  /** Of a tree of version 1; a tree of version 2 tells them in each group. */
  readonly controllers: readonly string[];
  readonly mount: string;
  /** The group of this process as a path below the mount; `/` is the topmost one that can be seen. */
  readonly own: string;
}

/**
 * The trees that are mounted and that this process is in.
 * @param mountinfo `/proc/self/mountinfo`, see proc_pid_mountinfo(5)
 * @param ownGroups `/proc/self/cgroup`, see cgroups(7)
 */
export function hierarchiesOf(mountinfo: string, ownGroups: string): Hierarchy[] {
  const groups = ownGroups.split("\n").flatMap((line) => {
    const [, id, controllers, path] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path === undefined) return [];
    return [{ isUnified: id === "0" && controllers === "", names: controllers!.split(","), path }];
  });
  return mountinfo.split("\n").flatMap((line): Hierarchy[] => {
    const [left, right] = line.split(" - ");
    const [, , , root, mount] = (left ?? "").split(" ").map(unescaped);
    const [type, , options] = (right ?? "").split(" ");
    if (root === undefined || mount === undefined || (type !== "cgroup" && type !== "cgroup2")) return [];
    const version = type === "cgroup2" ? 2 : 1;
    const controllers =
      version === 2 ? [] : (options ?? "").split(",").filter((o) => o !== "rw" && o !== "ro");
    const group = groups.find((g) =>
      version === 2 ? g.isUnified : !g.isUnified && g.names.some((n) => controllers.includes(n)),
    );
    const own = group === undefined ? null : below(group.path, root);
    return own === null ? [] : [{ version, controllers, mount, own }];
  });
}

/** A mount may show only a part of its tree, as in a container that has no name space for groups of its own. */
function below(path: string, root: string): string | null {
  if (root === "/" || root === path) return root === path ? "/" : path;
  return path.startsWith(`${root}/`) ? path.slice(root.length) : null;
}

/** Blanks and the like stand as octal numbers in mountinfo. */
const unescaped = (text: string) =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
