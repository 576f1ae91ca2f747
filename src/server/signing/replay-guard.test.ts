import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ReplayGuard } from "./replay-guard.ts";

const LIMITS = { windowMs: 1000, noncesMax: 3, modestMax: 3 };

test("a request is taken once, and not when its time is far off", () => {
  const guard = new ReplayGuard(0, LIMITS);
  assert.equal(guard.take("k", "n", 5000, 5000), "fresh");
  assert.equal(guard.take("k", "n", 5000, 5999), "seen");
  assert.equal(guard.take("other", "n", 5000, 5999), "fresh");
  assert.equal(guard.take("k", "n", 5000, 6001), "outside-window");
  assert.equal(guard.take("k", "m", 7002, 6001), "outside-window");
});

test("what was signed before the start is not taken: it may have been seen by the process before", () => {
  assert.equal(new ReplayGuard(5000, LIMITS).take("k", "n", 4999, 5001), "outside-window");
  assert.equal(new ReplayGuard(5999, LIMITS).take("k", "n", 4999, 5999), "outside-window");
});

test("who calls in the second of the start is taken, for times are signed in whole seconds", () => {
  const guard = new ReplayGuard(5999, LIMITS);
  assert.equal(guard.take("k", "n", 5000, 5999), "fresh");
  assert.equal(guard.take("k", "n", 5000, 5999), "seen");
});

test("a full memory refuses, and old nonces make room", () => {
  const guard = new ReplayGuard(0, LIMITS);
  for (const nonce of ["a", "b", "c"]) assert.equal(guard.take("k", nonce, 5000, 5000), "fresh");
  assert.equal(guard.take("k", "d", 5000, 5000), "too-many");
  assert.equal(guard.take("k", "a", 5000, 5000), "seen");
  assert.equal(guard.take("k", "d", 6500, 6500), "fresh");
  assert.equal(guard.size, 1);
});

test("a key that fills the memory is refused before the others are", () => {
  const guard = new ReplayGuard(0, { windowMs: 1000, noncesMax: 40, modestMax: 5 });
  const taken = (key: string, nowMs: number) =>
    Array.from({ length: 50 }, (_, i) => guard.take(key, `${nowMs} ${i}`, nowMs, nowMs)).filter(
      (verdict) => verdict === "fresh",
    ).length;
  assert.equal(taken("busy", 5000), 30);
  assert.equal(taken("one", 5000), 5, "others go on within their part");
  assert.equal(taken("two", 5000), 5);
  assert.equal(guard.size, 40);
  assert.equal(taken("busy", 6500), 30, "what is old makes room, and is counted no more");
});

test("whatever the order and the clocks, nothing is taken twice, and memory is bounded", () => {
  const step = fc.record({
    nonce: fc.integer({ min: 0, max: 5 }),
    skewMs: fc.integer({ min: -1500, max: 1500 }),
    laterMs: fc.integer({ min: 0, max: 700 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const guard = new ReplayGuard(0, { windowMs: 1000, noncesMax: 8, modestMax: 4 });
      const sent = new Set<string>();
      let now = 10_000;
      for (const { nonce, skewMs, laterMs } of steps) {
        now += laterMs;
        // A request is its nonce and its time: both are signed.
        for (const again of [0, 1]) {
          const name = `${nonce} ${now + skewMs}`;
          const verdict = guard.take("k", String(nonce), now + skewMs, now);
          if (verdict === "fresh") assert(!sent.has(name), `${name} was taken before`);
          if (verdict === "fresh") sent.add(name);
          if (again === 1) assert.notEqual(verdict, "fresh");
        }
        assert(guard.size <= 8);
      }
    }),
  );
});
