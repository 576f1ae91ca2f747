import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { growthOf, growthText, type MemorySample, MemoryTrend, nearestToLimit } from "./memory-growth.ts";

const MB = 2 ** 20;
const LIMIT = 1000 * MB;

/** Looks every 5 s at a processor that gets 20 requests a second. */
function looks(count: number, bytesAt: (requests: number, i: number) => number): MemorySample[] {
  return Array.from({ length: count }, (_, i) => {
    const requests = (i + 1) * 100;
    return { atMs: i * 5_000, requests, bytes: bytesAt(requests, i) };
  });
}

const watched = (samples: readonly MemorySample[]) => {
  const trend = new MemoryTrend(LIMIT);
  return samples.map((sample) => trend.add(sample));
};

test("a leak is told with its size and when the limit is reached", () => {
  // 10 KB a request, and noise of up to 5 MB above that
  const growth = watched(looks(64, (n, i) => 100 * MB + n * 10_240 + ((i * 7919) % 5) * MB)).at(-1);
  assert.ok(growth);
  assert.ok(Math.abs(growth.bytesPerThousand / (10_240 * 1000) - 1) < 0.1, `${growth.bytesPerThousand}`);
  const fullInS = (LIMIT - 100 * MB - 6400 * 10_240) / (10_240 * 20);
  assert.ok(Math.abs(growth.fullInMs! / 1000 / fullInS - 1) < 0.15, `${growth.fullInMs} of ${fullInS} s`);
});

test("memory that only goes up and down is not", () => {
  const noise = fc.array(fc.double({ min: 0, max: 400, noNaN: true }), { minLength: 300, maxLength: 300 });
  // A floor that every block comes down to, however wild the rest.
  fc.assert(
    fc.property(noise, fc.integer({ min: 1, max: 3 }), (heights, every) => {
      const bytesAt = (_: number, i: number) => 200 * MB + (i % every === 0 ? 0 : heights[i]! * MB);
      return watched(looks(300, bytesAt)).every((growth) => growth === null);
    }),
  );
});

test("what fills up and stays is not: a cache, the arenas of an allocator", () => {
  const fills = (requests: number) => 100 * MB + 300 * MB * (1 - Math.exp(-requests / 500));
  assert.deepEqual(new Set(watched(looks(600, fills))), new Set([null]));
});

test("one step is not, however high", () => {
  for (const at of [5, 40, 100, 250]) {
    const samples = looks(300, (_, i) => (i < at ? 100 * MB : 700 * MB));
    assert.deepEqual(new Set(watched(samples)), new Set([null]), `a step at ${at}`);
  }
});

test("a trifle is not, nor what too few requests have shown", () => {
  assert.equal(
    growthOf(
      looks(64, (n) => 100 * MB + n * 1024),
      LIMIT,
      false,
    ),
    null,
  );
  const few = looks(64, (n) => 100 * MB + n * 10_240).map((s, i) => ({ ...s, requests: i + 1 }));
  assert.equal(growthOf(few, LIMIT, false), null);
});

test("looks without requests in between count for nothing", () => {
  const trend = new MemoryTrend(LIMIT);
  for (let i = 0; i < 500; i++)
    assert.equal(trend.add({ atMs: i * 5000, requests: 7, bytes: (100 + i) * MB }), null);
});

test("a leak that ends is told no more, some time later", () => {
  const samples = looks(1200, (n) => 100 * MB + Math.min(n, 10_000) * 20_480);
  const told = watched(samples);
  assert.ok(told[90], "told while it grows");
  const changes = told.filter((growth, i) => (growth === null) !== ((told[i - 1] ?? null) === null)).length;
  assert.equal(changes, 2, "it begins once and ends once");
  assert.equal(told.at(-1), null);
});

test("a slow leak is told in the end: the looks that are kept reach back further and further", () => {
  // 100 bytes a request, 20 requests a second: 1 MB in 9 minutes
  const told = watched(looks(4000, (n, i) => 100 * MB + n * 100 + (i % 3) * MB));
  assert.equal(told[100], null);
  assert.ok(told.at(-1));
  assert.ok(Math.abs(told.at(-1)!.bytesPerThousand / 100_000 - 1) < 0.1);
});

test("of several that grow the one counts that reaches its limit first, and one above it before all", () => {
  const growth = (fullInMs: number | null) => ({ bytesPerThousand: MB, fullInMs, limitBytes: LIMIT });
  assert.equal(nearestToLimit([]), null);
  assert.equal(nearestToLimit([null, null]), null);
  assert.equal(nearestToLimit([growth(9), null, growth(7), growth(8)])?.fullInMs, 7);
  assert.deepEqual(nearestToLimit([growth(7), growth(null), growth(0)]), growth(null));
});

test("in words", () => {
  assert.equal(
    growthText({ bytesPerThousand: 1.234 * MB, fullInMs: 3 * 3_600_000, limitBytes: 512 * MB }),
    "its memory grows by 1.2 MB per 1,000 requests; at this rate metadata.memory (512 MB) is reached in about 3 h",
  );
  assert.match(
    growthText({ bytesPerThousand: 4321 * MB, fullInMs: 20_000, limitBytes: 512 * MB }),
    /4,300 MB .* about a minute$/,
  );
  assert.match(
    growthText({ bytesPerThousand: MB, fullInMs: null, limitBytes: 512 * MB }),
    /, and is above metadata.memory/,
  );
  assert.match(
    growthText({ bytesPerThousand: MB, fullInMs: 3 * 86_400_000, limitBytes: 512 * MB }),
    /in about 3 days$/,
  );
  assert.match(
    growthText({ bytesPerThousand: MB, fullInMs: null, limitBytes: 512 * MB, isOfOneWorker: true }),
    /^the memory of one of its workers grows by 1 MB per 1,000 requests, and is above/,
  );
});
