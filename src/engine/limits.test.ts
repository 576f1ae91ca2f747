import assert from "node:assert/strict";
import { test } from "node:test";
import { ENGINE_LIMITS, withinMemory } from "./limits.ts";

test("bodies take a part of the memory where a control group counts them, and never more than without", () => {
  const of = (memoryMb: number, isMemoryHeld: boolean) => {
    const limits = withinMemory(ENGINE_LIMITS, { cpu: 1, memoryMb, isMemoryHeld });
    return [limits.bodyBytesMax, limits.heldBodyBytesMax];
  };
  const { bodyBytesMax, heldBodyBytesMax } = ENGINE_LIMITS;
  const MB = 1024 * 1024;
  assert.deepEqual(of(256, false), [bodyBytesMax, heldBodyBytesMax]);
  assert.deepEqual(of(256, true), [64 * MB, 64 * MB]);
  assert.deepEqual(of(1600, true), [bodyBytesMax, 400 * MB]);
  assert.deepEqual(of(100_000, true), [bodyBytesMax, heldBodyBytesMax]);
});
