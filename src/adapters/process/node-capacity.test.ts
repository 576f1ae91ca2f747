import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeCapacity, ownMachine } from "./node-capacity.ts";

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
