import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServiceSample } from "../gateway-report.ts";
import type { ServiceName } from "../names.ts";
import { addSamples, NO_TRAFFIC } from "./traffic-sum.ts";

const sample = (limits?: Record<string, number>): ServiceSample => ({
  service: "s" as ServiceName,
  grouped: 1,
  instances: [],
  ...NO_TRAFFIC,
  ...(limits === undefined ? {} : { limits }),
});

test("what limits met adds up by name, also where one gateway met none", () => {
  const a = sample({ rate_limit: 2, body_bytes: 1 });
  assert.deepEqual(addSamples(a, sample({ rate_limit: 3 })).limits, { rate_limit: 5, body_bytes: 1 });
  assert.deepEqual(addSamples(a, sample()).limits, a.limits);
  assert.deepEqual(addSamples(sample(), a).limits, a.limits);
  assert.equal("limits" in addSamples(sample(), sample()), false);
});
