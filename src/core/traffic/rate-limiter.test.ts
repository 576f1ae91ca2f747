import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isNoPolicy, NO_POLICY, rateShare, wholeShare } from "./policy.ts";
import { RateLimiter } from "./rate-limiter.ts";

test("a full second's worth passes at once, then one per interval; a refusal says how long to wait", () => {
  const limiter = new RateLimiter(10);
  for (let i = 0; i < 10; i++) assert.equal(limiter.take(5000), 0, `${i}`);
  assert.ok(Math.abs(limiter.take(5000) - 100) < 1e-6);
  assert.ok(Math.abs(limiter.take(5060) - 40) < 1e-6);
  assert.equal(limiter.take(5100), 0);
  assert.ok(limiter.take(5100) > 0);
});

test("less than one a second: one passes, the next has to wait", () => {
  const limiter = new RateLimiter(0.5);
  assert.equal(limiter.take(0), 0);
  assert.equal(limiter.take(0), 2000);
  assert.equal(limiter.take(2000), 0);
});

test("another rate keeps the debt", () => {
  const limiter = new RateLimiter(2);
  assert.deepEqual([limiter.take(0), limiter.take(0)], [0, 0]);
  limiter.setRate(1000);
  assert.ok(limiter.take(0) > 0);
  assert.equal(limiter.take(1), 0);
});

const rates = fc.double({ min: 0.1, max: 5000, noNaN: true });
const gaps = fc.array(fc.double({ min: 0, max: 400, noNaN: true }), { minLength: 1, maxLength: 200 });

test("property: no span lets more pass than its time and one bucket; a refused one passes after the wait it was told", () => {
  fc.assert(
    fc.property(rates, gaps, (rate, steps) => {
      const limiter = new RateLimiter(rate);
      const passed: number[] = [];
      let now = 0;
      for (const gap of steps) {
        now += gap;
        const wait = limiter.take(now);
        if (wait === 0) passed.push(now);
        else {
          now += wait;
          assert.equal(limiter.take(now), 0);
          passed.push(now);
        }
      }
      const bucket = Math.max(1, rate);
      passed.forEach((from, i) => {
        const inSpan = passed.length - i;
        const seconds = (passed.at(-1)! - from) / 1000;
        assert.ok(inSpan <= rate * seconds + bucket + 1e-3, `${inSpan} in ${seconds} s`);
      });
    }),
  );
});

test("property: demand above the rate is served at the rate", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 500 }), (rate) => {
      const limiter = new RateLimiter(rate);
      let passed = 0;
      for (let ms = 0; ms < 4000; ms++) if (limiter.take(ms) === 0) passed++;
      // A bucket, and 4 s of refill less the last tick.
      assert.ok(Math.abs(passed - Math.min(4000, rate * 5)) <= 1 + rate / 1000, `${passed} at ${rate}`);
    }),
  );
});

test("property: shares of all workers sum to the limit, and differ by one at most", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e6 }), fc.integer({ min: 1, max: 64 }), (limit, count) => {
      const workers = Array.from({ length: count }, (_, index) => ({ index, count }));
      const rate = workers.reduce((sum, w) => sum + rateShare(limit, w), 0);
      assert.ok(Math.abs(rate - limit) < limit * 1e-9);
      const wholes = workers.map((w) => wholeShare(limit, w));
      assert.equal(
        wholes.reduce((a, b) => a + b),
        Math.max(limit, count),
      );
      assert.ok(Math.max(...wholes) - Math.min(...wholes) <= 1);
    }),
  );
});

test("a policy without any limit is none", () => {
  assert.ok(isNoPolicy(NO_POLICY));
  assert.ok(!isNoPolicy({ ...NO_POLICY, rate: { limit: 1, isEvaluated: true } }));
});
