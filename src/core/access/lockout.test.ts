import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { blockOf, LOCKOUT_RULES, Lockout } from "./lockout.ts";

const RULES = {
  ...LOCKOUT_RULES,
  freeFailures: 3,
  firstMs: 100,
  longestMs: 1000,
  forgetMs: 10_000,
  entriesMax: 5,
};

test("free failures, then locks that double up to the longest; a success forgets them", () => {
  const lockout = new Lockout(RULES);
  let now = 0;
  const locks: number[] = [];
  for (let i = 0; i < 9; i++) {
    lockout.onFailure("a", null, now);
    locks.push(lockout.lockedMs("a", now));
    now += locks.at(-1)!;
    assert.equal(lockout.lockedMs("a", now), 0, "it ends");
  }
  assert.deepEqual(locks, [0, 0, 0, 100, 200, 400, 800, 1000, 1000]);
  lockout.onSuccess("a", "k", now);
  lockout.onFailure("a", null, now);
  assert.equal(lockout.lockedMs("a", now), 0);
});

test("quiet for long is forgotten", () => {
  const lockout = new Lockout(RULES);
  for (let i = 0; i < 4; i++) lockout.onFailure("a", null, 0);
  assert.equal(lockout.lockedMs("a", 0), 100);
  lockout.onFailure("a", null, 10_001);
  assert.equal(lockout.lockedMs("a", 10_001), 0);
});

test("a key id that is guessed at from everywhere leaves fewer free failures, and no lock of who is right", () => {
  const lockout = new Lockout({ ...RULES, entriesMax: 1000 });
  for (let i = 0; i <= RULES.attackFailures; i++) lockout.onFailure(`10.0.0.${i}`, "k", 0);
  for (let i = 0; i < 3; i++) lockout.onFailure("10.1.0.1", "k", 0);
  assert.equal(lockout.lockedMs("10.1.0.1", 0), 100);
  for (let i = 0; i < 3; i++) lockout.onFailure("10.1.0.2", "other", 0);
  assert.equal(lockout.lockedMs("10.1.0.2", 0), 0);
  assert.equal(lockout.lockedMs("10.1.0.3", 0), 0, "whoever has the key of that id");
});

for (const [address, block] of [
  ["10.0.0.1", "10.0.0.1"],
  ["::ffff:10.0.0.1", "10.0.0.1"],
  ["127.0.0.53", "loopback"],
  ["::ffff:127.0.0.1", "loopback"],
  ["::1", "loopback"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
  ["2001:db8:1:2::1", "2001:db8:1:2"],
  ["2001:db8::1", "2001:db8:0:0"],
  ["fe80::1%eth0", "fe80:0:0:0"],
  ["", ""],
] as const) {
  test(`the block of ${JSON.stringify(address)}`, () => assert.equal(blockOf(address), block));
}

test("whatever happens, memory is bounded, locks are bounded, and an address without failures is free", () => {
  const step = fc.record({
    address: fc.integer({ min: 0, max: 20 }),
    keyId: fc.option(fc.integer({ min: 0, max: 20 })),
    isRight: fc.boolean(),
    laterMs: fc.integer({ min: 0, max: 3000 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const lockout = new Lockout(RULES);
      const failing = new Set<string>();
      let now = 0;
      for (const { address, keyId, isRight, laterMs } of steps) {
        now += laterMs;
        const from = `10.0.0.${address}`;
        const key = keyId === null ? null : `k${keyId}`;
        const before = lockout.lockedMs(from, now);
        if (before > 0) continue; // it is not asked then
        if (isRight && key !== null) {
          lockout.onSuccess(from, key, now);
          failing.delete(from);
          assert(lockout.isProven(from, key));
        } else {
          lockout.onFailure(from, key, now);
          failing.add(from);
        }
        assert(lockout.lockedMs(from, now) <= RULES.longestMs);
        assert(lockout.size <= 3 * RULES.entriesMax);
        for (let i = 0; i <= 20; i++)
          if (!failing.has(`10.0.0.${i}`)) assert.equal(lockout.lockedMs(`10.0.0.${i}`, now), 0);
      }
    }),
  );
});
