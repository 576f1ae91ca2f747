/** Trees of control groups are folders here: what is found and refused, not what the kernel does with it. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { type FindOptions, findGroupParents } from "./group-parents.ts";

const UID = process.getuid?.() ?? 0;
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "sluice-groups-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function group(path: string, files: Record<string, string> = {}): string {
  const dir = join(root, path);
  mkdirSync(dir, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  return dir;
}

const unified = () => `30 22 0:26 / ${root} rw - cgroup2 cgroup2 rw`;
const find = (options: Partial<FindOptions>) => {
  const { parents, missing } = findGroupParents({
    setting: "auto",
    installation: "abc",
    mountinfo: unified(),
    ownGroups: "0::/\n",
    uid: UID,
    pid: 4711,
    ...options,
  });
  return { parents: Object.fromEntries(parents), missing: Object.fromEntries(missing) };
};

test("version 2, at the root of the tree: each controller that is handed down already", () => {
  const dir = group("/", {
    "cgroup.controllers": "cpu io memory pids",
    "cgroup.subtree_control": "cpu memory pids",
  });
  const parent = { version: 2, dir };
  assert.deepEqual(find({}), { parents: { memory: parent, cpu: parent, pids: parent }, missing: {} });
});

test("version 2, in a group of its own: the process moves to a leaf, because a group with processes hands nothing down", () => {
  const files = { "cgroup.controllers": "cpu memory pids", "cgroup.subtree_control": "cpu memory pids" };
  const dir = group("/own", { ...files, "cgroup.type": "domain", "cgroup.procs": "4711\n" });
  const found = find({ ownGroups: "0::/own\n", setting: "/own" });
  assert.deepEqual(Object.keys(found.parents), ["memory", "cpu", "pids"]);
  assert.equal(readFileSync(join(dir, "sluice-abc-control", "cgroup.procs"), "utf8"), "4711");
});

test("version 2, with others in the group: nobody is moved, and it says so", () => {
  const files = { "cgroup.controllers": "memory pids", "cgroup.subtree_control": "" };
  const dir = group("/own", { ...files, "cgroup.type": "domain", "cgroup.procs": "4711\n12\n" });
  const { parents, missing } = find({ ownGroups: "0::/own\n", setting: "/own" });
  assert.deepEqual(parents, {});
  assert.match(missing.memory ?? "", /other processes are in .*: start Sluice in a group of its own/);
  assert.match(missing.cpu ?? "", /no tree of control groups has cpu/);
  assert.equal(existsSync(join(dir, "sluice-abc-control")), false);
});

test("version 2, where the kernel does not take it", () => {
  group("/", { "cgroup.controllers": "memory" }); // a subtree_control that forgets what is written to it
  mkdirSync(join(root, "cgroup.subtree_control"));
  assert.match(find({}).missing.memory ?? "", /EISDIR/);
});

test("version 1: one tree for each controller; a group of another manager is left alone unless it is named", () => {
  for (const name of ["memory", "cpu", "pids"]) group(name);
  const mountinfo = ["memory", "cpu", "pids"]
    .map((c) => `3 2 0:1 / ${join(root, c)} rw - cgroup cgroup rw,${c}`)
    .join("\n");
  const ownGroups = "3:memory:/manager/x\n2:cpu:/\n1:pids:/\n";
  const { parents, missing } = find({ mountinfo, ownGroups });
  assert.deepEqual(parents, {
    cpu: { version: 1, dir: join(root, "cpu/") },
    pids: { version: 1, dir: join(root, "pids/") },
  });
  assert.deepEqual(missing, {
    memory: "the control group /manager/x belongs to another manager: name one with --cgroups",
  });
  const named = find({ mountinfo, ownGroups, setting: "/sluice" }).parents;
  assert.deepEqual(named.memory, { version: 1, dir: join(root, "memory", "sluice") });
  assert.ok(existsSync(join(root, "memory", "sluice")), "it is made where it is named");
});

test("switched off, or nothing there", () => {
  assert.deepEqual(find({ setting: "off" }).parents, {});
  assert.match(find({ setting: "off" }).missing.memory ?? "", /switched off/);
  assert.deepEqual(find({ mountinfo: "", ownGroups: "" }).parents, {});
});
