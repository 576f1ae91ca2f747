import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ArrivalGap, adaptiveWaitMs, type BatchView, fixedWaitMs } from "./batch-rules.ts";

const SPEC = { sizeMax: 16, waitMsMax: 50 };
const VIEW: BatchView = { size: 3, busyCount: 1, waitedMs: 2, gapMs: 4, quietMs: 1 };

const specs = fc.record({ sizeMax: fc.integer({ min: 1, max: 64 }), waitMsMax: fc.nat(100) });
const views = fc.record({
  size: fc.integer({ min: 1, max: 64 }),
  busyCount: fc.nat(4),
  waitedMs: fc.double({ min: 0, max: 200, noNaN: true }),
  gapMs: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.double({ min: 0, max: 200, noNaN: true })),
  quietMs: fc.double({ min: 0, max: 1000, noNaN: true }),
});

test("never waits while the worker has nothing to do, nor with a full batch", () => {
  fc.assert(
    fc.property(specs, views, (spec, view) => {
      assert.equal(adaptiveWaitMs(spec, { ...view, busyCount: 0 }), 0);
      assert.equal(adaptiveWaitMs(spec, { ...view, size: spec.sizeMax }), 0);
    }),
  );
});

test("no request waits longer than max_batch_timeout, whatever the rule", () => {
  fc.assert(
    fc.property(specs, views, fc.constantFrom(adaptiveWaitMs, fixedWaitMs), (spec, view, rule) => {
      const waitMs = rule(spec, view);
      assert.ok(waitMs >= 0);
      assert.ok(waitMs === 0 || view.waitedMs + waitMs <= spec.waitMsMax + 1e-9);
    }),
  );
});

test("waits beside work in progress only while another request is due", () => {
  assert.equal(adaptiveWaitMs(SPEC, VIEW), 7, "two mean distances after the last one");
  assert.equal(adaptiveWaitMs(SPEC, { ...VIEW, quietMs: 8 }), 0, "it is late");
  assert.equal(adaptiveWaitMs(SPEC, { ...VIEW, gapMs: 49 }), 0, "it would come too late");
  assert.equal(adaptiveWaitMs(SPEC, { ...VIEW, gapMs: Number.POSITIVE_INFINITY }), 0, "nothing is known");
  assert.equal(adaptiveWaitMs(SPEC, { ...VIEW, gapMs: 30, waitedMs: 15 }), 35, "no longer than the limit");
  assert.equal(adaptiveWaitMs({ ...SPEC, waitMsMax: 0 }, VIEW), 0);
});

test("the mean distance follows the newest requests", () => {
  const gap = new ArrivalGap();
  gap.arrived(100);
  assert.equal(gap.meanMs, Number.POSITIVE_INFINITY);
  gap.arrived(108);
  assert.equal(gap.meanMs, 8);
  for (let at = 109; at < 160; at++) gap.arrived(at);
  assert.ok(gap.meanMs > 1 && gap.meanMs < 1.01, String(gap.meanMs));
  assert.equal(gap.lastAt, 159);
});
