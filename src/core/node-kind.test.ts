import assert from "node:assert/strict";
import test from "node:test";
import { instanceSizes, nodeKind } from "./node-kind.ts";

test("a kind is named by what it has, and says what is left", () => {
  const capacity = { cpu: 16.5, memoryMb: 7600 };
  const kind = nodeKind(capacity, { cpu: 2.5, memoryMb: 100 }, 2);
  assert.deepEqual(kind, {
    name: "node.16c7g.2gpu",
    capacity,
    gpuCount: 2,
    free: { cpu: 2.5, memoryMb: 100 },
    isAvailable: true,
  });
  assert.equal(nodeKind(capacity, null, 0)?.name, "node.16c7g");
  assert.deepEqual(nodeKind(capacity, null, 0)?.free, capacity);
  assert.equal(nodeKind(null, null, 0), null);
});

test("a node without cores or memory left is not available, and never has less than nothing", () => {
  const capacity = { cpu: 1, memoryMb: 2048 };
  assert.equal(nodeKind(capacity, { cpu: 0, memoryMb: 1000 }, 0)?.isAvailable, false);
  assert.equal(nodeKind(capacity, { cpu: 1, memoryMb: 15 }, 0)?.isAvailable, false);
  assert.deepEqual(nodeKind(capacity, { cpu: -3, memoryMb: -1 }, 0)?.free, { cpu: 0, memoryMb: 0 });
});

test("sizes go by powers of two up to what the node has", () => {
  assert.deepEqual(instanceSizes({ cpu: 3, memoryMb: 4096 }), [
    { cpu: 1, memoryGb: [1, 2, 4] },
    { cpu: 2, memoryGb: [1, 2, 4] },
  ]);
  assert.deepEqual(instanceSizes({ cpu: 0.5, memoryMb: 4096 }), []);
});
