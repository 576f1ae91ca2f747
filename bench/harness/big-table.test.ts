import assert from "node:assert/strict";
import test from "node:test";
import { routeChange } from "../../src/core/traffic/route-change.ts";
import { checkTable } from "../../src/gateway/table-check.ts";
import { nextTable, SERVICES, withBigTable } from "./big-table.ts";
import { jobTable } from "./job-table.ts";

const table = withBigTable(jobTable({ number: 1, upstream: { kind: "unix", path: "/u" }, hasLimits: true }));

test("a gateway takes the large table", () => {
  const checked = checkTable(JSON.parse(JSON.stringify(table)), 0);
  assert.notEqual(typeof checked, "string", String(checked));
});

test("the next table changes as many services as it is told", () => {
  for (const count of [1, 20, SERVICES]) {
    const change = routeChange(table, nextTable(table, count));
    assert.equal(change.services.length, count);
    assert.deepEqual(change.goneServices, []);
    assert.deepEqual(change.groups, []);
  }
});
