import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { serviceRoute } from "../../test/harness/gateway-rig.ts";
import type { ServiceSample, TrafficCounts } from "../core/gateway-report.ts";
import { addCounts, NO_TRAFFIC } from "../core/meter/traffic-sum.ts";
import type { InstanceId, ServiceName } from "../core/names.ts";
import { Instance } from "./instance.ts";
import { Meter } from "./meter.ts";
import { Routing } from "./routing.ts";
import { Service } from "./service.ts";
import { finish } from "./slices.ts";
import { takingSamples } from "./traffic-report.ts";

const events = fc.array(
  fc.record({
    status: fc.constantFrom(0, 200, 204, 404, 499, 503, 999),
    us: fc.integer({ min: 0, max: 10_000_000 }),
    bytes: fc.nat(10_000),
    queueUs: fc.option(fc.nat(1000), { nil: null }),
  }),
  { maxLength: 20 },
);
type Event = (typeof events extends fc.Arbitrary<infer T> ? T : never)[number];

function record(meter: Meter, list: readonly Event[]): void {
  for (const { status, us, bytes, queueUs } of list) {
    meter.record(status, us);
    meter.bytesOut += bytes;
    if (queueUs !== null) meter.recordQueue(queueUs);
  }
}

const countsOf = (meter: Meter, inFlight: number) =>
  JSON.parse(`{${meter.takeText(inFlight, null)}}`) as TrafficCounts;

const sum = (list: readonly number[]) => list.reduce((a, b) => a + b, 0);

test("property: a meter tells what was counted, once", () => {
  fc.assert(
    fc.property(events, events, fc.nat(5), (list, others, inFlight) => {
      const meter = new Meter();
      assert.ok(meter.isEmpty);
      record(meter, list);
      const counts = countsOf(meter, inFlight);
      assert.equal(counts.requests, list.length);
      assert.equal(sum(Object.values(counts.statuses)), list.length);
      for (const { status } of list)
        assert.equal(counts.statuses[status], list.filter((e) => e.status === status).length);
      assert.equal(counts.latencyUs, sum(list.map((e) => e.us)));
      assert.equal(sum(counts.latency.filter((_, i) => i % 2 === 1)), list.length);
      assert.equal(counts.bytesOut, sum(list.map((e) => e.bytes)));
      const waits = list.flatMap((e) => (e.queueUs === null ? [] : [e.queueUs]));
      assert.deepEqual(
        [counts.queued, counts.queueUs, counts.queueUsMax],
        [waits.length, sum(waits), Math.max(0, ...waits)],
      );
      assert.equal(counts.inFlight, inFlight);
      assert.ok(meter.isEmpty);
      assert.deepEqual(countsOf(meter, 0), NO_TRAFFIC);
      // What one has told is not in the next that gets its room.
      const next = new Meter();
      record(next, others);
      const told = countsOf(next, 0);
      assert.equal(sum(Object.values(told.statuses)), others.length);
      assert.equal(sum(told.latency.filter((_, i) => i % 2 === 1)), others.length);
    }),
  );
});

test("property: two meters together are as if one had counted all", () => {
  fc.assert(
    fc.property(events, events, (a, b) => {
      const [one, two, all] = [new Meter(), new Meter(), new Meter()];
      record(one, a);
      record(two, b);
      record(all, [...a, ...b]);
      assert.equal((JSON.parse(`{${one.takeText(0, two)}}`) as TrafficCounts).requests, a.length);
      assert.ok(one.isEmpty);
      assert.deepEqual(countsOf(two, 0), countsOf(all, 0));
    }),
  );
});

const instance = (id: string, port: number) =>
  new Instance(id as InstanceId, { kind: "tcp", host: "h", port });

function serviceOf(instances: readonly Instance[], leaving: readonly Instance[]): Service {
  const service = new Service("s" as ServiceName, { chance: () => 0.5, revive: () => undefined });
  service.prepare({ route: null, instances, share: { index: 0, count: 1 } }, { isMade: true });
  service.follow();
  for (const one of leaving) service.leaving.add(one);
  return service;
}

const samplesOf = (...services: Service[]) =>
  JSON.parse(finish(takingSamples(services)).join("")) as ServiceSample[];

test("property: the whole of a service is the sum of its instances and of what came to none", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(events, fc.nat(2), fc.boolean()), { maxLength: 6 }),
      events,
      (list, own) => {
        const made = list.map(([recorded, inFlight], i) => {
          // Two of them have the same id: one has left, with the address that it had before.
          const one = instance(`s-${i >> 1}`, i + 1);
          one.inFlight = inFlight;
          record(one.meter, recorded);
          return one;
        });
        const service = serviceOf(
          made.filter((_, i) => i % 2 === 0),
          made.filter((_, i) => i % 2 === 1),
        );
        record(service.meter, own);
        service.grouped = 3;
        const quiet = serviceOf([instance("q-0", 1)], []);
        const samples = samplesOf(quiet, service);
        const isQuiet = own.length === 0 && list.every(([r, inFlight]) => r.length === 0 && inFlight === 0);
        assert.equal(samples.length, isQuiet ? 0 : 1);
        if (isQuiet) return;
        const { service: name, grouped, instances, ...whole } = samples[0]!;
        assert.deepEqual([name, grouped], ["s", 3]);
        assert.equal(new Set(instances.map((i) => i.instance)).size, instances.length);
        const alone = new Meter();
        record(alone, own);
        const parts = instances.map(({ instance: _, ...counts }) => counts);
        assert.deepEqual(whole, parts.reduce<TrafficCounts>(addCounts, countsOf(alone, 0)));
        assert.equal(whole.inFlight, sum(list.map(([, inFlight]) => inFlight)));
        for (const one of service.leaving) assert.ok(one.inFlight > 0, "who has told all is forgotten");
        assert.deepEqual(
          samplesOf(service).map((s) => s.requests),
          whole.inFlight > 0 ? [0] : [],
        );
      },
    ),
  );
});

const address = { kind: "tcp", host: "h", port: 1 } as const;
const named = (...names: string[]) =>
  names.map((name) => ({
    ...serviceRoute(name, []),
    instances: [{ id: `${name.slice(0, 1)}-0` as InstanceId, address }],
  }));
for (const [what, between, last] of [
  ["named again after its service was deleted", [[]], "s"],
  ["named by another service, at once", [], "s2"],
  ["named by another service, later", [[]], "s2"],
] as const) {
  test(`an instance with a request in flight, ${what}: told once, by the service that has it`, () => {
    const routing = new Routing(() => 0.5);
    let number = 0;
    const apply = (...names: string[]) =>
      routing.apply({ number: ++number, services: named(...names), groups: [] });
    const told = () => JSON.parse(finish(takingSamples(routing.measured())).join("")) as ServiceSample[];
    apply("s");
    const [service] = routing.services;
    const one = service!.pick(null, 0)!;
    one.inFlight = 1;
    for (const names of between) apply(...names);
    apply(last);
    const [now] = routing.services;
    assert.equal(now!.pick(null, 0), one);
    for (let i = 1; i <= 3; i++) {
      one.meter.record(200, i);
      const samples = told();
      assert.deepEqual(
        samples.map((s) => [s.service, s.requests, s.inFlight]),
        [[last, 1, 1]],
        `report ${i}`,
      );
    }
    apply();
    one.meter.record(200, 1);
    assert.deepEqual(
      told().map((s) => [s.service, s.requests, s.inFlight]),
      [[last, 1, 1]],
    );
    one.meter.record(200, 1);
    routing.release(one);
    assert.deepEqual(
      told().map((s) => [s.service, s.requests, s.inFlight]),
      [[last, 1, 0]],
    );
    assert.deepEqual([...routing.measured()], [], "and then forgotten");
  });
}
