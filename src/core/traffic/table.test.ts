import assert from "node:assert/strict";
import test from "node:test";
import { desiredOf, groupOf, recordOf } from "../../testing/records.ts";
import type { GroupName, InstanceId } from "../names.ts";
import { initialStatus } from "../plan/fresh-status.ts";
import type { ServiceRecord } from "../service.ts";
import { NO_POLICY } from "./policy.ts";
import { buildRouteTable, instancesOf, sameRoutes, sharesOf, type TableInput } from "./table.ts";

const g = "g" as GroupName;

/** `serving` by service; every instance has an address unless it is in `lost`. */
function inputOf(
  records: readonly ServiceRecord[],
  serving: Record<string, readonly string[]>,
  { mode = "auto", lost = [] }: { mode?: "auto" | "customized"; lost?: readonly string[] } = {},
): TableInput {
  const ids = Object.values(serving)
    .flat()
    .filter((id) => !lost.includes(id)) as InstanceId[];
  return {
    state: desiredOf(records, [groupOf("g", { mode })]),
    statuses: new Map(
      records.map((r) => [r.name, { ...initialStatus(r), serving: (serving[r.name] ?? []) as InstanceId[] }]),
    ),
    places: new Map(ids.map((id) => [id, { address: { kind: "unix", path: `/run/${id}` } } as const])),
    keepaliveMs: () => 5000,
    isBodyChecked: () => true,
  };
}

const ids = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name}-v1-${i}`);

test("members of an auto group share by instances that serve", () => {
  const records = [recordOf("prod", { group: g }), recordOf("grey", { group: g })];
  const input = inputOf(records, { prod: ids("prod", 4), grey: ids("grey", 1) });
  const table = buildRouteTable(input, 7);
  assert.equal(table.number, 7);
  assert.deepEqual(table.groups, [
    {
      name: "g",
      tokens: ["token-g"],
      members: [
        { service: "grey", weight: 1 },
        { service: "prod", weight: 4 },
      ],
    },
  ]);
  assert.deepEqual(
    table.services.map((s) => [s.name, s.instances.length]),
    [
      ["grey", 1],
      ["prod", 4],
    ],
  );
  assert.deepEqual(table.services[0]!.tokens, ["token-grey", "token-g"]);
  assert.equal(instancesOf(table).size, 5);
  const percents = sharesOf(input.state, input.statuses)
    .get(g)!
    .map((s) => s.percent);
  assert.deepEqual(percents, [20, 80]);
});

test("customized weights, and a standalone member without a share but with a route", () => {
  const records = [
    recordOf("a", { group: g, weight: 100 }),
    recordOf("b", { group: g, weight: 400 }),
    recordOf("c", { group: g, weight: 900, trafficState: "standalone" }),
  ];
  const serving = { a: ids("a", 3), b: ids("b", 1), c: ids("c", 1) };
  const table = buildRouteTable(inputOf(records, serving, { mode: "customized" }), 1);
  assert.deepEqual(table.groups[0]!.members, [
    { service: "a", weight: 100 },
    { service: "b", weight: 400 },
  ]);
  assert.equal(table.services.find((s) => s.name === "c")!.instances.length, 1);
});

test("a member that cannot serve gives its share away; when nobody can, the group has no member", () => {
  const records = [recordOf("a", { group: g }), recordOf("b", { group: g })];
  const one = buildRouteTable(inputOf(records, { a: ids("a", 2), b: ids("b", 2) }, { lost: ids("b", 2) }), 1);
  assert.deepEqual(one.groups[0]!.members, [{ service: "a", weight: 2 }]);
  assert.deepEqual(buildRouteTable(inputOf(records, {}), 1).groups[0]!.members, []);
});

test("stopped: a route without instances; deleted: no route", () => {
  const records = [recordOf("a", { desired: "stopped" }), recordOf("b", { desired: "deleted" })];
  const table = buildRouteTable(inputOf(records, { a: ids("a", 1), b: ids("b", 1) }), 1);
  assert.deepEqual(
    table.services.map((s) => [s.name, s.instances]),
    [["a", []]],
  );
});

test("tables are the same whatever their number, and not when anything a request meets differs", () => {
  const records = [recordOf("a", { group: g })];
  const table = (serving: string[]) => buildRouteTable(inputOf(records, { a: serving }), serving.length);
  assert.ok(sameRoutes(table(ids("a", 2)), { ...table(ids("a", 2)), number: 99 }));
  assert.ok(sameRoutes(table(ids("a", 2)), table(ids("a", 2).reverse())));
  assert.ok(!sameRoutes(table(ids("a", 2)), table(ids("a", 1))));
  const other = inputOf([recordOf("a", { group: g, token: "new" })], { a: ids("a", 2) });
  assert.ok(!sameRoutes(table(ids("a", 2)), buildRouteTable(other, 1)));
});

test("the policy of a service and the number of gateway workers stand in the table, and a change of them makes another", () => {
  const records = [recordOf("a", { group: g })];
  const input = inputOf(records, { a: ids("a", 1) });
  const plain = buildRouteTable(input, 1);
  assert.ok(!("policy" in plain.services[0]!) && !("workerCount" in plain));
  const policy = { ...NO_POLICY, rate: { limit: 5, isEvaluated: false } };
  const limited = buildRouteTable({ ...input, policy: () => policy, workerCount: 2 }, 1);
  assert.deepEqual(limited.services[0]!.policy, policy);
  assert.equal(limited.workerCount, 2);
  assert.ok(!sameRoutes(plain, limited));
});

test("a service that speaks gRPC says so in the table, any other nothing", () => {
  const records = [recordOf("a"), recordOf("b")];
  const input = {
    ...inputOf(records, {}),
    protocol: (r: { name: string }) => (r.name === "b" ? ("grpc" as const) : ("http" as const)),
  };
  const protocols = buildRouteTable(input, 1).services.map((s) => ["protocol" in s, s.protocol]);
  assert.deepEqual(protocols, [
    [false, undefined],
    [true, "grpc"],
  ]);
});

test("a sticky group says by what its clients are known", () => {
  const records = [recordOf("a", { group: g })];
  const input = inputOf(records, { a: ids("a", 1) });
  const sticky = { kind: "cookie", name: "side" } as const;
  const state = desiredOf(records, [groupOf("g", { sticky })]);
  assert.deepEqual(buildRouteTable({ ...input, state }, 1).groups[0]!.sticky, sticky);
  assert.ok(!("sticky" in buildRouteTable(input, 1).groups[0]!));
});
