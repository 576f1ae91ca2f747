import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { METRICS, type Metric } from "../src/server/metric-table.ts";
import { METRICS_PAGE, metricsReference } from "./reference-metrics.ts";

test("the page of metrics is what the table says", () => {
  assert.equal(
    readFileSync(METRICS_PAGE, "utf8"),
    metricsReference(),
    "run: node tools/reference-metrics.ts",
  );
});

test("metrics are named as Prometheus wants them", () => {
  const all = Object.values<Metric>(METRICS);
  assert.equal(new Set(all.map((m) => m.name)).size, all.length);
  for (const { name, type, help } of all) {
    assert.match(name, /^(sluice|process)_[a-z_]+$/);
    assert.equal(name.endsWith("_total"), type === "counter", name);
    assert.ok(!/[\n\\]/.test(help), name);
  }
});
