import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { type Due, DueQueue } from "./due-queue.ts";

interface Item extends Due {
  readonly name: number;
}

test("whatever is put, moved and removed, the soonest comes first", () => {
  const step = fc.record({ name: fc.nat(12), dueAt: fc.nat(20), isRemoved: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const queue = new DueQueue<Item>();
      const items = new Map<number, Item>();
      for (const { name, dueAt, isRemoved } of steps) {
        const item = items.get(name) ?? { name, dueAt, place: -1, turn: 0 };
        if (isRemoved) {
          queue.remove(item);
          items.delete(name);
        } else {
          item.dueAt = dueAt;
          items.set(name, item);
          queue.put(item);
        }
        const soonest = Math.min(...[...items.values()].map((i) => i.dueAt));
        assert.equal(queue.first?.dueAt ?? Number.POSITIVE_INFINITY, soonest);
      }
      const left: number[] = [];
      for (let item = queue.first; item !== undefined; item = queue.first) {
        left.push(item.dueAt);
        queue.remove(item);
        queue.remove(item); // harmless
      }
      const all = [...items.values()].map((i) => i.dueAt);
      assert.deepEqual(
        left,
        all.toSorted((a, b) => a - b),
      );
    }),
  );
});
