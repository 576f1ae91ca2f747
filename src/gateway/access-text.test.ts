import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AccessText } from "./access-text.ts";

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.constantFrom("/api/predict/g", "\u2028", "\ud800", "\u007f", "\\", '"', "\0", "</script>", "é"),
);
const texts = fc.option(text, { nil: null });
const ms = fc.oneof(
  fc.double(),
  fc.double({ min: 0, max: 1e7, noNaN: true }),
  fc.nat(5).map((n) => n / 10_000),
);

test("property: whatever is in it, a line is one line of ASCII, and reads as what JSON.stringify would write", () => {
  const lines = new AccessText();
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 4e12 }),
      fc.record({
        method: texts,
        path: texts,
        service: texts,
        member: texts,
        instance: texts,
        reason: texts,
      }),
      fc.record({ requestId: text, client: text }),
      fc.record({ status: fc.oneof(fc.nat(999), fc.double()), bytes: fc.oneof(fc.nat(), fc.double()), ms }),
      (timeMs, { method, path, ...names }, ids, numbers) => {
        const line = lines.line(timeMs, { method, path, sentBefore: 0 }, { ...names, ...ids, ...numbers });
        assert.match(line, /^[ -~]+\n$/);
        const expected = {
          time: new Date(timeMs).toISOString(),
          ...{ ...ids, ...names, method, path, ...numbers },
          ms: Math.round(numbers.ms * 1000) / 1000,
        };
        assert.deepEqual(JSON.parse(line), JSON.parse(JSON.stringify(expected)));
      },
    ),
    { numRuns: 2000 },
  );
});
