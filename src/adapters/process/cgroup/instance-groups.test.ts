/** What is made of a tree that does not do as a kernel does: groups.real.test.ts has the real one. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { InstanceGroups } from "./instance-groups.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "sluice-groups-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const options = { installation: "abc", pidsMax: 64, cores: 2 };
const limits = { cpu: 1, memoryMb: 100, isCpuAsked: true };

test("where nothing can be had, the command is left as it is, and why is told once for each reason", () => {
  const missing = new Map([
    ["memory", "not there"],
    ["cpu", "not there"],
    ["pids", "not ours"],
  ] as const);
  const groups = new InstanceGroups({ parents: new Map(), missing }, options);
  const { command, inForce } = groups.enter("a-v1-0", limits, ["engine", "x y"]);
  assert.deepEqual(command, ["engine", "x y"]);
  assert.deepEqual(inForce, {
    memory: "rlimit",
    cpu: "hint",
    processes: "none",
    note: "memory, cpu: not there; pids: not ours",
  });
  assert.deepEqual(groups.inForce, inForce);
  assert.equal(groups.oomKills("a-v1-0"), 0);
});

test("a group that refuses a limit falls back for that alone, and says so", () => {
  const parents = new Map([["pids", { version: 1, dir: root }] as const]);
  const groups = new InstanceGroups({ parents, missing: new Map() }, options);
  assert.equal(groups.inForce.processes, "cgroup1");
  const { command, inForce } = groups.enter("a-v1-0", limits, ["engine"]);
  assert.deepEqual(command, ["engine"], "a plain folder has no pids.max");
  assert.equal(inForce.processes, "none");
  assert.match(inForce.note ?? "", /^pids: ENOENT/);
});

test("limits are written before the program is started, and what it cannot do without is an argument, never shell text", () => {
  const own = join(root, "sluice-abc", "a-v1-0");
  mkdirSync(own, { recursive: true });
  for (const name of ["memory.max", "memory.oom.group", "memory.events"]) writeFileSync(join(own, name), "");
  writeFileSync(join(root, "sluice-abc", "cgroup.subtree_control"), "memory");
  const parents = new Map([["memory", { version: 2, dir: root }] as const]);
  const groups = new InstanceGroups({ parents, missing: new Map() }, options);
  const { command, inForce } = groups.enter("a-v1-0", limits, ["engine", "$(x) y"]);
  assert.deepEqual(command.slice(3), ["sh", "1", join(own, "cgroup.procs"), "engine", "$(x) y"]);
  assert.equal(inForce.memory, "cgroup2");
  assert.equal(readFileSync(join(own, "memory.max"), "utf8"), String(228 * 1024 * 1024));
  assert.equal(readFileSync(join(own, "memory.oom.group"), "utf8"), "1");
  assert.deepEqual(groups.instances(), ["a-v1-0"]);
  writeFileSync(join(own, "memory.events"), "oom 1\noom_kill 4\n");
  assert.equal(groups.oomKills("a-v1-0"), 4);
});
