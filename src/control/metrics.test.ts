import assert from "node:assert/strict";
import test from "node:test";
import type { GatewayTraffic, ServiceSample } from "../core/gateway-report.ts";
import { NO_TRAFFIC } from "../core/meter/traffic-sum.ts";
import type { GatewayId, InstanceId, ServiceName } from "../core/names.ts";
import { NO_MIRROR_COUNTS } from "../core/traffic/mirror.ts";
import { Metrics, SAMPLES_MAX, SECONDS_MAX } from "./metrics.ts";
import { MIRRORS_MAX } from "./mirror-totals.ts";
import { GONE_KEPT_MS, INSTANCES_MAX, NO_INSTANCE } from "./traffic-totals.ts";

const sample = (
  service: string,
  requests: number,
  instances: Record<string, number> = {},
): ServiceSample => ({
  ...NO_TRAFFIC,
  service: service as ServiceName,
  requests,
  statuses: { "200": requests - 1, "503": 1 },
  bytesIn: 10,
  bytesOut: 20,
  latency: [5, requests - 1, 9, 1],
  latencyUs: 100,
  retries: 1,
  ejections: 1,
  grouped: 2,
  queued: 1,
  queueUs: 30,
  queueUsMax: 30,
  instances: Object.entries(instances).map(([instance, n]) => ({
    ...NO_TRAFFIC,
    instance: instance as InstanceId,
    requests: n,
    statuses: { "200": n },
    inFlight: 1,
  })),
});
const report = (
  atMs: number,
  samples: readonly ServiceSample[],
  cpuUs = 0,
  more: Partial<GatewayTraffic> = {},
): GatewayTraffic => ({
  type: "report",
  atMs,
  samples,
  inFlight: {},
  connections: 0,
  unrouted: 1,
  process: { rssBytes: 5, cpuUs },
  accessLog: { written: 2, dropped: 1 },
  ...more,
});
const [one, two] = ["gateway-0" as GatewayId, "gateway-1" as GatewayId];
const service = "a" as ServiceName;

test("the same second of two gateways is one, by service and instance", () => {
  const metrics = new Metrics();
  metrics.report(one, report(10_200, [sample("a", 10, { "a-0": 4, "a-1": 3 }), sample("b", 2)]));
  metrics.report(
    two,
    report(10_900, [{ ...sample("a", 5, { "a-1": 2 }), latency: [7, 5], statuses: { "200": 4, "450": 1 } }]),
  );
  const [second] = metrics.last(1);
  assert.equal(second!.atMs, 10_000);
  const { instances, ...whole } = second!.samples.find((s) => s.service === "a")!;
  assert.deepEqual(whole, {
    service: "a",
    requests: 15,
    statuses: { "200": 13, "450": 1, "503": 1 },
    bytesIn: 20,
    bytesOut: 40,
    latency: [5, 9, 7, 5, 9, 1],
    latencyUs: 200,
    retries: 2,
    ejections: 2,
    grouped: 4,
    queued: 2,
    queueUs: 60,
    queueUsMax: 30,
    inFlight: 0,
  });
  assert.deepEqual(
    instances.map((i) => [i.instance, i.requests, i.inFlight]),
    [
      ["a-0", 4, 1],
      ["a-1", 5, 2],
    ],
  );
});

test("five minutes are kept, and asked for from the newest", () => {
  const metrics = new Metrics();
  for (let s = 0; s < SECONDS_MAX + 50; s++) metrics.report(one, report(s * 1000, [sample("a", 1)]));
  const all = metrics.last(10_000);
  assert.equal(all.length, SECONDS_MAX);
  assert.equal(all[0]!.atMs, 50_000);
  assert.deepEqual(
    metrics.last(2).map((s) => s.atMs),
    [348_000, 349_000],
  );
});

test("with more services and instances than there is room for, fewer seconds are kept", () => {
  const metrics = new Metrics();
  const many = Array.from({ length: SAMPLES_MAX / 20 }, (_, i) => sample(`s${i}`, 1, { [`s${i}-0`]: 1 }));
  for (let s = 0; s < 15; s++) {
    metrics.report(one, report(s * 1000, many));
    metrics.report(two, report(s * 1000 + 500, many.slice(0, 10)));
  }
  assert.equal(metrics.last(300).length, 10);
  assert.equal(metrics.last(1)[0]!.atMs, 14_000);
});

test("totals only grow, whatever becomes of a gateway, and tell what came to no instance", () => {
  const metrics = new Metrics();
  metrics.report(one, report(1000, [sample("a", 10, { "a-0": 4 })], 700));
  metrics.report(one, report(2000, [sample("a", 10, { "a-0": 4 })], 900));
  metrics.keepGateways(new Set());
  metrics.report(one, report(3000, [sample("a", 10, { "a-0": 4 })], 100)); // a new process
  const totals = metrics.totals.services.get(service)!;
  assert.deepEqual(Object.fromEntries(totals.instances.get("a-0" as InstanceId)!.statuses), { "200": 12 });
  assert.deepEqual(Object.fromEntries(totals.instances.get(NO_INSTANCE)!.statuses), { "200": 15, "503": 3 });
  assert.equal(
    totals.durations.reduce((sum, n) => sum + n),
    30,
  );
  assert.deepEqual([totals.durations[0], totals.durationUs, totals.grouped], [30, 300, 6]);
  const gateway = metrics.totals.gateways.get(one)!;
  assert.deepEqual([gateway.cpuUs, gateway.unrouted, gateway.logDropped], [1000, 3, 3]);
});

test("what is in flight is of the newest report of each living gateway", () => {
  const metrics = new Metrics();
  metrics.report(one, report(1000, [sample("a", 1, { "a-0": 1, "a-1": 1 })]));
  metrics.report(two, report(1000, [sample("a", 1, { "a-0": 1 })]));
  assert.equal(
    metrics
      .inFlight()
      .get(service)!
      .get("a-0" as InstanceId),
    2,
  );
  metrics.keepGateways(new Set([two]));
  assert.deepEqual([...metrics.inFlight().get(service)!], [["a-0", 1]]);
  metrics.report(two, report(2000, []));
  assert.equal(metrics.inFlight().size, 0);
});

test("instances that are gone are forgotten in time; their number is bounded, and so is that of statuses", () => {
  const metrics = new Metrics();
  const { totals } = metrics;
  metrics.report(one, report(1000, [sample("a", 9, { "a-0": 1 }), sample("b", 9, { "b-0": 1 })]));
  totals.forgetGone({ isInstance: (name) => name === "b", isMirror: () => false }, 1000 + GONE_KEPT_MS);
  assert.deepEqual([...totals.services.keys()], ["b"]);
  const crowd = Object.fromEntries(Array.from({ length: INSTANCES_MAX }, (_, i) => [`c-${i}`, 1]));
  metrics.report(one, report(2000, [sample("c", INSTANCES_MAX, crowd)]));
  const kept = [...totals.services.values()].reduce((sum, s) => sum + s.instances.size, 0);
  assert.ok(kept <= INSTANCES_MAX && kept >= INSTANCES_MAX * 0.9, String(kept));
  assert.equal(totals.services.has("b" as ServiceName), false, "the oldest go first");
  const odd = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`${200 + i}`, 1]));
  metrics.report(one, report(3000, [{ ...sample("d", 100), statuses: odd }]));
  const statuses = totals.services.get("d" as ServiceName)!.instances.get(NO_INSTANCE)!.statuses;
  assert.deepEqual([statuses.size, statuses.get("other")], [33, 68]);
});

test("limits are summed by service and by gateway; a service that only met a limit is kept with it", () => {
  const metrics = new Metrics();
  const met = (limits: Record<string, number>) => ({
    ...NO_TRAFFIC,
    service,
    grouped: 0,
    limits,
    instances: [],
  });
  metrics.report(one, report(1000, [met({ rate_limit: 2 })], 0, { limits: { connections: 1 } }));
  metrics.report(
    two,
    report(1000, [met({ rate_limit: 1, "rate_limit.evaluated": 4 })], 0, { limits: { connections: 5 } }),
  );
  metrics.report(one, report(2000, [], 0, { limits: { connections: 1, head_time: 1 } }));
  const { totals } = metrics;
  totals.forgetGone({ isInstance: (name) => name === service, isMirror: () => false }, 1000 + GONE_KEPT_MS);
  assert.deepEqual(totals.services.get(service)!.limits, { rate_limit: 3, "rate_limit.evaluated": 4 });
  assert.deepEqual(
    [one, two].map((id) => totals.gateways.get(id)!.limits),
    [{ connections: 2, head_time: 1 }, { connections: 5 }],
  );
});

test("copies are summed by service and target, each second and in all; mirrors that are gone are forgotten in time", () => {
  const metrics = new Metrics();
  const name = (text: string) => text as ServiceName;
  const copies = (from: string, target: string, sent: number, busy = 0) => ({
    ...NO_MIRROR_COUNTS,
    service: name(from),
    target: name(target),
    sent,
    dropped: { ...NO_MIRROR_COUNTS.dropped, busy },
  });
  metrics.report(one, report(1100, [], 0, { mirrors: [copies("a", "b", 3, 1), copies("a", "c", 1)] }));
  metrics.report(two, report(1900, [], 0, { mirrors: [copies("a", "b", 4)] }));
  metrics.report(two, report(2900, [], 0, { mirrors: [copies("a", "b", 1)] }));
  const told = () =>
    [...metrics.totals.mirrors.all()].map((m) => [m.target, m.counts.sent, m.counts.dropped.busy]);
  assert.deepEqual(told(), [
    ["b", 8, 1],
    ["c", 1, 0],
  ]);
  assert.deepEqual(
    metrics.last(2).map((s) => s.mirrors.map((m) => [m.service, m.target, m.sent, m.dropped.busy])),
    [
      [
        ["a", "b", 7, 1],
        ["a", "c", 1, 0],
      ],
      [["a", "b", 1, 0]],
    ],
  );
  metrics.totals.forgetGone(
    { isInstance: () => false, isMirror: (_, to) => to === "b" },
    2900 + GONE_KEPT_MS,
  );
  assert.deepEqual(told(), [["b", 8, 1]]);
  const crowd = Array.from({ length: MIRRORS_MAX }, (_, i) => copies(`s${i}`, "b", 1));
  metrics.report(one, report(3000, [], 0, { mirrors: crowd }));
  const kept = [...metrics.totals.mirrors.all()];
  assert.ok(kept.length <= MIRRORS_MAX && kept.length >= MIRRORS_MAX * 0.9, String(kept.length));
  assert.ok(!kept.some((m) => m.service === "a"), "the oldest go first");
});
