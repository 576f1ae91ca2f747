import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  BUCKET_COUNT,
  bucketFrom,
  bucketMiddle,
  bucketOf,
  bucketTo,
  Histogram,
  LATENCY_US_MAX,
  mergeSparse,
  percentiles,
} from "./histogram.ts";

const latency = fc.oneof(fc.nat(100), fc.nat(100_000), fc.nat(LATENCY_US_MAX));

test("buckets cover the range without gap or overlap", () => {
  for (let bucket = 0; bucket < BUCKET_COUNT; bucket++) {
    assert.equal(bucketOf(bucketFrom(bucket)), bucket);
    assert.equal(bucketOf(bucketTo(bucket)), bucket);
    if (bucket > 0) assert.equal(bucketFrom(bucket), bucketTo(bucket - 1) + 1);
  }
  assert.equal(bucketTo(BUCKET_COUNT - 1), LATENCY_US_MAX);
});

test("odd values land in the range", () => {
  assert.equal(bucketOf(-5), 0);
  assert.equal(bucketOf(0.9), 0);
  assert.equal(bucketOf(15.99), 15);
  assert.equal(bucketOf(Number.NaN), 0);
  assert.equal(bucketOf(2 ** 40), BUCKET_COUNT - 1);
  assert.equal(bucketOf(Number.POSITIVE_INFINITY), BUCKET_COUNT - 1);
});

test("property: a value is read back at most 1 % off", () => {
  fc.assert(
    fc.property(latency, (us) => {
      const bucket = bucketOf(us);
      assert.ok(bucketFrom(bucket) <= us && us <= bucketTo(bucket));
      assert.ok(Math.abs(bucketMiddle(bucket) - us) <= us / 100);
    }),
  );
});

test("property: a percentile is the bucket of the value that a sorted list has there", () => {
  fc.assert(
    fc.property(
      fc.array(latency, { minLength: 1 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (values, share) => {
        const histogram = new Histogram();
        for (const us of values) histogram.record(us);
        const sorted = values.toSorted((a, b) => a - b);
        const at = sorted[Math.max(1, Math.ceil(share * values.length)) - 1]!;
        assert.equal(histogram.percentile(share), bucketMiddle(bucketOf(at)));
        assert.deepEqual(percentiles(histogram.encode(), [0, share, 1]), [
          bucketMiddle(bucketOf(sorted[0]!)),
          bucketMiddle(bucketOf(at)),
          bucketMiddle(bucketOf(sorted.at(-1)!)),
        ]);
      },
    ),
  );
});

test("property: merging what was encoded is the same as recording all", () => {
  fc.assert(
    fc.property(fc.array(latency), fc.array(latency), (a, b) => {
      const [one, two, both] = [new Histogram(), new Histogram(), new Histogram()];
      for (const us of a) one.record(us);
      for (const us of b) two.record(us);
      for (const us of [...a, ...b]) both.record(us);
      assert.deepEqual(mergeSparse(one.encode(), two.encode()), both.encode());
      one.merge(two.encode());
      assert.deepEqual(one.encode(), both.encode());
      assert.equal(one.total, a.length + b.length);
    }),
  );
});

test("an empty one has no percentile, a cleared one is empty, a wrong bucket is refused", () => {
  const histogram = new Histogram();
  assert.equal(histogram.percentile(0.5), null);
  assert.deepEqual(percentiles([], [0.5, 1]), [null, null]);
  histogram.record(10);
  assert.deepEqual(histogram.take(), [10, 1]);
  assert.deepEqual([histogram.total, histogram.encode()], [0, []]);
  histogram.record(10);
  histogram.clear();
  assert.deepEqual([histogram.total, histogram.encode()], [0, []]);
  for (const bucket of [-1, 0.5, BUCKET_COUNT]) assert.throws(() => histogram.merge([bucket, 1]));
});
