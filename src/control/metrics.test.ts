import assert from "node:assert/strict";
import test from "node:test";
import type { ServiceName } from "../core/names.ts";
import { Metrics, SECONDS_MAX } from "./metrics.ts";

const sample = (service: string, requests: number) => ({
  service: service as ServiceName,
  requests,
  statuses: { "200": requests - 1, "503": 1 },
  bytesIn: 10,
  bytesOut: 20,
  latency: [
    [5, requests - 1],
    [9, 1],
  ] as const,
  retries: 1,
});

test("the same second of two gateways is one, by service", () => {
  const metrics = new Metrics();
  metrics.add(10_200, [sample("a", 10), sample("b", 2)]);
  metrics.add(10_900, [{ ...sample("a", 5), latency: [[7, 5]], statuses: { "200": 4, "450": 1 } }]);
  const [second] = metrics.last(1);
  assert.equal(second!.atMs, 10_000);
  const a = second!.samples.find((s) => s.service === "a")!;
  assert.deepEqual(a, {
    service: "a",
    requests: 15,
    statuses: { "200": 13, "450": 1, "503": 1 },
    bytesIn: 20,
    bytesOut: 40,
    latency: [
      [5, 9],
      [7, 5],
      [9, 1],
    ],
    retries: 2,
  });
});

test("five minutes are kept, and asked for from the newest", () => {
  const metrics = new Metrics();
  for (let s = 0; s < SECONDS_MAX + 50; s++) metrics.add(s * 1000, [sample("a", 1)]);
  const all = metrics.last(10_000);
  assert.equal(all.length, SECONDS_MAX);
  assert.equal(all[0]!.atMs, 50_000);
  assert.deepEqual(
    metrics.last(2).map((s) => s.atMs),
    [348_000, 349_000],
  );
});
