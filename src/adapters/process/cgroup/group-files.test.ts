import assert from "node:assert/strict";
import { test } from "node:test";
import { limitFiles, oomKillsIn, shareOfAll } from "./group-files.ts";

const texts = (...args: Parameters<typeof limitFiles>) =>
  limitFiles(...args).map(({ name, value }) => `${name} ${value}`);
const MB = 1024 * 1024;

test("memory: what the spec says and what our own process needs; no swap; the whole instance ends", () => {
  const limits = { cpu: 1, memoryMb: 100 };
  assert.deepEqual(texts(2, "memory", limits, 1), [
    `memory.max ${228 * MB}`,
    "memory.swap.max 0",
    "memory.oom.group 1",
  ]);
  assert.deepEqual(texts(1, "memory", limits, 1), [
    `memory.limit_in_bytes ${228 * MB}`,
    `memory.memsw.limit_in_bytes ${228 * MB}`,
  ]);
});

test("cpu: a share always, a limit only when somebody asked for it", () => {
  const asked = { cpu: 0.25, memoryMb: 1, isCpuAsked: true };
  assert.deepEqual(texts(2, "cpu", asked, 1), ["cpu.weight 25", "cpu.max 25000 100000"]);
  assert.deepEqual(texts(1, "cpu", asked, 1), [
    "cpu.shares 256",
    "cpu.cfs_period_us 100000",
    "cpu.cfs_quota_us 25000",
  ]);
  assert.deepEqual(texts(2, "cpu", { ...asked, isCpuAsked: false }, 1), ["cpu.weight 25"]);
  assert.deepEqual(texts(1, "cpu", { cpu: 1, memoryMb: 1 }, 1), ["cpu.shares 1024"]);
});

test("cpu: what the kernel refuses is brought within its bounds", () => {
  assert.deepEqual(texts(2, "cpu", { cpu: 0.001, memoryMb: 1, isCpuAsked: true }, 1), [
    "cpu.weight 1",
    "cpu.max 1000 100000",
  ]);
  assert.equal(texts(2, "cpu", { cpu: 1024, memoryMb: 1 }, 1)[0], "cpu.weight 10000");
  assert.equal(texts(1, "cpu", { cpu: 0.001, memoryMb: 1 }, 1)[0], "cpu.shares 2");
  assert.equal(texts(1, "cpu", { cpu: 1024, memoryMb: 1 }, 1)[0], "cpu.shares 262144");
});

test("processes; and the share of all instances together", () => {
  assert.deepEqual(texts(2, "pids", { cpu: 1, memoryMb: 1 }, 64), ["pids.max 64"]);
  assert.deepEqual(shareOfAll(1, "cpu", 2), [{ name: "cpu.shares", value: "2048" }]);
  assert.deepEqual(shareOfAll(2, "cpu", 2), [{ name: "cpu.weight", value: "200" }]);
  assert.deepEqual(shareOfAll(2, "memory", 2), []);
});

test("killed for want of memory, of version 2 and 1", () => {
  assert.equal(oomKillsIn("low 0\nhigh 0\nmax 12\noom 2\noom_kill 3\noom_group_kill 1\n"), 3);
  assert.equal(oomKillsIn("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"), 2);
  assert.equal(oomKillsIn(""), 0);
});
