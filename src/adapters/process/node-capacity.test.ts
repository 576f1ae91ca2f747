import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gpuCount, nodeCapacity, ownMachine } from "./node-capacity.ts";

test("cores are given several times, memory once and less a reserve", () => {
  const total = (cores: number, memoryMb: number) => nodeCapacity({ cores, memoryMb }, null, null).total();
  assert.deepEqual(total(2, 24_000), { cpu: 16, memoryMb: 21_000 });
  assert.deepEqual(total(1, 2_000), { cpu: 8, memoryMb: 1_488 }, "never less than 512 MB stay");
  assert.deepEqual(total(1, 256), { cpu: 8, memoryMb: 0 });
});

test("what is set is taken as it is", () => {
  const machine = { cores: 2, memoryMb: 24_000 };
  assert.deepEqual(nodeCapacity(machine, 2, 100).total(), { cpu: 2, memoryMb: 100 });
});

test("this machine has something", () => {
  const { cores, memoryMb } = ownMachine();
  assert.ok(cores >= 1);
  assert.ok(memoryMb > 100 && Number.isInteger(memoryMb));
});

test("each GPU with a driver is a file in /dev, beside those that only serve the driver", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-dev-"));
  t.after(() => rmSync(folder, { recursive: true }));
  assert.equal(gpuCount(folder), 0);
  for (const name of ["nvidia0", "nvidia11", "nvidiactl", "nvidia-uvm", "null"])
    writeFileSync(join(folder, name), "");
  assert.equal(gpuCount(folder), 2);
  assert.equal(gpuCount(join(folder, "lost")), 0);
});
