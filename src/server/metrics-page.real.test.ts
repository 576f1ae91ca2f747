/** Whether Prometheus itself takes what /metrics tells: its checker, and a server of it that scrapes once, with the key. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { NO_TRAFFIC } from "../core/meter/traffic-sum.ts";
import type { GatewayId, InstanceId, ServiceName } from "../core/names.ts";
import { NO_MIRROR_COUNTS } from "../core/traffic/mirror.ts";
import { apiApp, pmmlDocument, TEST_KEY } from "../testing/api-app.ts";

const PATIENCE_MS = 30_000;
const unpacked = join(import.meta.dirname, "..", "..", ".toolchain", "prometheus", "usr", "bin");
/** As tools/setup-prometheus left it, else from the PATH. */
const tool = (name: string) => (existsSync(join(unpacked, name)) ? join(unpacked, name) : name);

interface Found {
  readonly data: { readonly result: readonly { readonly value: readonly [number, string] }[] };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

test("promtool finds nothing to say, and Prometheus scrapes the values that were counted", async (t) => {
  const { app, control } = apiApp();
  const address = await app.listen({ host: "127.0.0.1", port: 0 });
  t.after(() => app.close());
  await control.createService(pmmlDocument("a", 2));
  control.settle();
  const counts = {
    ...NO_TRAFFIC,
    requests: 41,
    statuses: { "200": 40, "499": 1 },
    ejections: 2,
    latency: [64, 41],
    latencyUs: 2624,
  };
  control.metrics.report("gateway-0" as GatewayId, {
    type: "report",
    atMs: control.nowMs,
    samples: [
      {
        ...counts,
        service: "a" as ServiceName,
        grouped: 1,
        limits: { rate_limit: 3, "rate_limit.evaluated": 5 },
        instances: [{ ...counts, instance: "a-v1-0" as InstanceId }],
      },
    ],
    inFlight: {},
    connections: 1,
    limits: { head_time: 2 },
    mirrors: [
      {
        ...NO_MIRROR_COUNTS,
        service: "a" as ServiceName,
        target: "b" as ServiceName,
        sent: 7,
        dropped: { ...NO_MIRROR_COUNTS.dropped, busy: 4 },
      },
    ],
    unrouted: 0,
    process: { rssBytes: 1, cpuUs: 1 },
    accessLog: { written: 0, dropped: 0 },
  });

  const page = await fetch(`${address}/metrics`, { headers: { authorization: `Bearer ${TEST_KEY}` } });
  const check = spawnSync(tool("promtool"), ["check", "metrics"], {
    input: await page.text(),
    encoding: "utf8",
  });
  assert.equal(check.error, undefined, "promtool is missing; run: sh tools/setup-prometheus");
  assert.deepEqual([check.status, check.stdout, check.stderr], [0, "", ""]);

  const dir = mkdtempSync(join(tmpdir(), "sluice-prometheus-"));
  const config = join(dir, "prometheus.yml");
  writeFileSync(join(dir, "key"), TEST_KEY, { mode: 0o600 });
  writeFileSync(
    config,
    `scrape_configs:
  - job_name: sluice
    scrape_interval: 1s
    honor_labels: true
    authorization: { credentials_file: ${join(dir, "key")} }
    static_configs: [{ targets: ["${new URL(address).host}"] }]
`,
  );
  const port = await freePort();
  const args = [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(dir, "data")}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ];
  const prometheus = spawn(tool("prometheus"), args, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  prometheus.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-4000);
  });
  const ended = new Promise((resolve) => prometheus.once("close", resolve));
  t.after(async () => {
    prometheus.kill("SIGTERM");
    await ended;
    rmSync(dir, { recursive: true, force: true });
  });

  const giveUpAt = performance.now() + PATIENCE_MS;
  async function value(query: string): Promise<string> {
    for (;;) {
      assert.ok(performance.now() < giveUpAt, `no value of ${query}: ${said}`);
      const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(query)}`;
      // Before it listens, and while it reads its own files, it has no answer.
      const answer = await fetch(url).catch(() => null);
      const body = answer?.ok ? ((await answer.json()) as Found) : null;
      const found = body?.data.result[0]?.value[1];
      if (found !== undefined) return found;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  assert.equal(await value('sluice_requests_total{service="a",instance="a-v1-0",code="200"}'), "40");
  assert.equal(await value('up{job="sluice"}'), "1");
  assert.equal(await value('sluice_request_duration_seconds_count{service="a"}'), "41");
  assert.equal(await value('sum by (outcome) (sluice_limited_requests_total{outcome="evaluated"})'), "5");
  assert.equal(await value('sluice_gateway_limited_total{limit="head_time"}'), "2");
  assert.equal(await value('sluice_mirror_sent_total{service="a",target="b"}'), "7");
  assert.equal(await value("sum by (service) (sluice_mirror_dropped_total)"), "4");
  assert.equal(await value('sluice_ejections_total{instance="a-v1-0"}'), "2");
  assert.equal(
    await value('histogram_quantile(0.99, sluice_request_duration_seconds_bucket{service="a"}) < 0.001'),
    "0.00099",
  );
});
