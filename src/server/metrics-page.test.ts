import assert from "node:assert/strict";
import test from "node:test";
import type { GatewayTraffic, ServiceSample } from "../core/gateway-report.ts";
import { NO_TRAFFIC } from "../core/meter/traffic-sum.ts";
import type { GatewayId, InstanceId, ServiceName } from "../core/names.ts";
import { NO_MIRROR_COUNTS } from "../core/traffic/mirror.ts";
import { apiApp, pmmlDocument, TEST_KEY } from "../testing/api-app.ts";
import { labelValue } from "./exposition.ts";
import { METRICS } from "./metric-table.ts";

const ask = { method: "GET", url: "/metrics", headers: { authorization: `Bearer ${TEST_KEY}` } } as const;

function reportOf(samples: readonly ServiceSample[], atMs: number): GatewayTraffic {
  return {
    type: "report",
    atMs,
    samples,
    inFlight: {},
    limits: { connections: 2 },
    mirrors: [
      {
        ...NO_MIRROR_COUNTS,
        service: "a" as ServiceName,
        target: "b" as ServiceName,
        sent: 9,
        differing: 2,
        dropped: { ...NO_MIRROR_COUNTS.dropped, tooLarge: 3 },
      },
    ],
    connections: 3,
    unrouted: 2,
    process: { rssBytes: 64e6, cpuUs: 1_500_000 },
    accessLog: { written: 0, dropped: 0 },
  };
}

function sampleOf(service: string, ids: readonly string[]): ServiceSample {
  const counts = {
    ...NO_TRAFFIC,
    requests: 3,
    statuses: { "200": 2, "503": 1 },
    latency: [50, 2, 1600, 1],
    latencyUs: 500_000,
    bytesIn: 7,
    queued: 1,
    queueUs: 2000,
    inFlight: 1,
    ejections: 1,
  };
  const instances = ids.map((id) => ({ ...counts, instance: id as InstanceId }));
  return {
    ...counts,
    service: service as ServiceName,
    statuses: { "200": 2 * ids.length, "401": 4, "503": ids.length },
    grouped: 1,
    limits: { rate_limit: 4, "concurrency_limit.evaluated": 6 },
    instances,
  };
}

test("the page tells what was counted, by service, instance and status; it asks for a key", async (t) => {
  const { app, control } = apiApp();
  t.after(() => app.close());
  assert.equal((await app.inject({ ...ask, headers: {} })).statusCode, 401);
  await control.createService(pmmlDocument("a", 2));
  control.settle();
  const [first, second] = control.statuses.get("a" as ServiceName)!.instances;
  const growth = { bytesPerThousand: 4096, fullInMs: null, limitBytes: 1 };
  const memory = { bytes: 8192, growth };
  control.setStatus("a", {
    prepared: { version: 1, epoch: 0, stages: [{ name: "environment", ms: 12_345 }] },
    instances: [{ ...first!, stages: [{ name: "load", ms: 410 }], memory }, second!],
  });
  control.metrics.report(
    "gateway-0" as GatewayId,
    reportOf([sampleOf("a", ["a-v1-0", "a-v1-1"])], control.nowMs),
  );
  const work = {
    computed: 4,
    computeUs: 2_500_000,
    batches: [2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
    batchedRequests: 6,
  };
  control.works = [
    { instance: "a-v1-0" as InstanceId, ...work },
    { instance: "gone-v1-0" as InstanceId, ...work },
  ];
  const answer = await app.inject(ask);
  assert.equal(answer.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
  const lines = answer.body.split("\n");
  for (const line of [
    'sluice_requests_total{service="a",instance="a-v1-1",code="503"} 1',
    'sluice_requests_total{service="a",instance="none",code="401"} 4',
    'sluice_request_duration_seconds_bucket{service="a",le="0.001"} 2',
    'sluice_request_duration_seconds_bucket{service="a",le="+Inf"} 3',
    'sluice_request_duration_seconds_sum{service="a"} 0.5',
    'sluice_grouped_requests_total{service="a",group="pmml"} 1',
    'sluice_queue_seconds_sum{service="a",instance="a-v1-0"} 0.002',
    'sluice_compute_seconds_sum{service="a",instance="a-v1-0"} 2.5',
    'sluice_compute_seconds_count{service="a",instance="a-v1-0"} 4',
    'sluice_batch_size_bucket{service="a",instance="a-v1-0",le="2"} 2',
    'sluice_batch_size_bucket{service="a",instance="a-v1-0",le="4"} 3',
    'sluice_batch_size_bucket{service="a",instance="a-v1-0",le="+Inf"} 3',
    'sluice_batch_size_sum{service="a",instance="a-v1-0"} 6',
    'sluice_batch_size_count{service="a",instance="a-v1-0"} 3',
    'sluice_in_flight{service="a",instance="a-v1-0"} 1',
    'sluice_ejections_total{service="a",instance="a-v1-0"} 1',
    'sluice_limited_requests_total{service="a",limit="rate_limit",outcome="refused"} 4',
    'sluice_limited_requests_total{service="a",limit="concurrency_limit",outcome="evaluated"} 6',
    'sluice_mirror_sent_total{service="a",target="b"} 9',
    'sluice_mirror_answered_total{service="a",target="b"} 0',
    'sluice_mirror_differing_total{service="a",target="b"} 2',
    'sluice_mirror_dropped_total{service="a",target="b",reason="too_large"} 3',
    'sluice_gateway_limited_total{gateway="gateway-0",limit="connections"} 2',
    'sluice_instances{service="a",state="ready"} 2',
    'sluice_instances_wanted{service="a"} 2',
    'sluice_prepare_seconds{service="a",stage="environment"} 12.345',
    'sluice_instance_start_seconds{service="a",instance="a-v1-0",stage="load"} 0.41',
    'sluice_worker_resident_memory_bytes{service="a",instance="a-v1-0"} 8192',
    'sluice_worker_memory_growth_bytes{service="a",instance="a-v1-0"} 4096',
    'sluice_route_table_number{gateway="gateway-0"} 3',
    'sluice_unrouted_requests_total{gateway="gateway-0"} 2',
    'sluice_gateway_cpu_seconds_total{gateway="gateway-0"} 1.5',
  ])
    assert.ok(lines.includes(line), `${line}\n\n${answer.body}`);
  assert.doesNotMatch(answer.body, /gone-v1-0/, "an instance that is none any more is not told");
  for (const { name, type } of Object.values(METRICS)) assert.ok(lines.includes(`# TYPE ${name} ${type}`));
});

test("label values are escaped", () => {
  assert.equal(labelValue('a"b\\c\nd'), 'a\\"b\\\\c\\nd');
});

test("200 services of 5 instances are told in little time", async (t) => {
  const { app, control } = apiApp();
  t.after(() => app.close());
  const samples: ServiceSample[] = [];
  for (let i = 0; i < 200; i++) {
    await control.createService(pmmlDocument(`s${i}`, 5, { group: "" }));
    samples.push(
      sampleOf(
        `s${i}`,
        Array.from({ length: 5 }, (_, slot) => `s${i}-v1-${slot}`),
      ),
    );
  }
  control.settle();
  control.metrics.report("gateway-0" as GatewayId, reportOf(samples, control.nowMs));
  await app.inject(ask);
  const times: number[] = [];
  for (let i = 0; i < 5; i++) {
    const before = process.cpuUsage();
    const { body } = await app.inject(ask);
    times.push(process.cpuUsage(before).user / 1000);
    assert.ok(body.split("\n").length > 11_000);
  }
  t.diagnostic(`${times.map((ms) => ms.toFixed(1)).join(", ")} ms of CPU`);
  // CPU time, as others may use the machine; 12 to 20 ms were measured. The bound is there for what grows by the square.
  assert.ok(Math.min(...times) < 500, `${times}`);
});
