import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DIRECT_WEIGHT_MAX, directWeights } from "./direct-weights.ts";

const of = (...members: (readonly [weight: number, count: number])[]) =>
  directWeights(members.map(([weight, count]) => ({ weight, count })));
const sum = (weights: readonly number[]) => weights.reduce((all, w) => all + w, 0);

test("by instances, all weigh the same", () => {
  assert.deepEqual(of([4, 4], [1, 1]), [[1, 1, 1, 1], [1]]);
  assert.deepEqual(of([3, 3]), [[1, 1, 1]]);
});

test("by weights, a member's part is dealt among its instances", () => {
  assert.deepEqual(of([100, 4], [400, 1]), [[1, 1, 1, 1], [16]]);
  assert.deepEqual(of([73, 4], [27, 1]), [[73, 73, 73, 73], [108]]);
  assert.deepEqual(of([1, 3], [1, 2]), [
    [2, 2, 2],
    [3, 3],
  ]);
});

test("where equal weights would be very large, those of one member differ by 1", () => {
  const [a, b] = of([997, 7], [1, 991]);
  assert.equal(sum(a!), 997 * sum(b!));
  assert.equal(Math.max(...a!) - Math.min(...a!), 1);
  assert.ok(Math.min(...b!) >= 100);
});

test("nobody: no weights", () => {
  assert.deepEqual(of(), []);
});

const member = fc.record({
  weight: fc.integer({ min: 1, max: 1000 }),
  count: fc.integer({ min: 1, max: 1000 }),
});
const few = fc.array(member, { minLength: 1, maxLength: 12 });

test("property: the sums of the members are in proportion to their weights, exactly", () => {
  fc.assert(
    fc.property(few, (members) => {
      const sums = directWeights(members).map(sum);
      for (const [i, { weight }] of members.entries())
        for (const [j, other] of members.entries()) assert.equal(sums[i]! * other.weight, sums[j]! * weight);
    }),
  );
});

test("property: every instance has a whole weight from 1 to what 32 bits hold; those of one member differ by 1 at most", () => {
  fc.assert(
    fc.property(few, (members) => {
      const all = directWeights(members);
      assert.deepEqual(
        all.map((weights) => weights.length),
        members.map((m) => m.count),
      );
      for (const weights of all) {
        assert.ok(weights.every((w) => Number.isInteger(w) && w >= 1 && w <= DIRECT_WEIGHT_MAX));
        assert.ok(Math.max(...weights) - Math.min(...weights) <= 1);
      }
    }),
  );
});

test("property: weights by instances are 1 each, so that a client's turn is as short as can be", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 12 }), (counts) => {
      const all = directWeights(counts.map((count) => ({ weight: count, count })));
      assert.ok(all.flat().every((w) => w === 1));
    }),
  );
});

test("property: small members are dealt equally, and larger factors of all weights change nothing", () => {
  const small = fc.array(
    fc.record({ weight: fc.integer({ min: 1, max: 10 }), count: fc.integer({ min: 1, max: 4 }) }),
    { minLength: 1, maxLength: 5 },
  );
  fc.assert(
    fc.property(small, fc.integer({ min: 2, max: 9 }), (members, factor) => {
      const all = directWeights(members);
      for (const weights of all) assert.equal(new Set(weights).size, 1);
      const larger = members.map(({ weight, count }) => ({ weight: weight * factor, count }));
      assert.deepEqual(directWeights(larger), all);
    }),
  );
});
