import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { groupRoute, serviceRoute } from "../../test/harness/gateway-rig.ts";
import type { GroupName, InstanceId } from "../core/names.ts";
import { routeChange, withRouteChange } from "../core/traffic/route-change.ts";
import type { RouteTable, ServiceRoute } from "../core/traffic/route-table.ts";
import { Routing } from "./routing.ts";
import { checkChange, checkTable } from "./table-check.ts";

const NAMES = ["a", "b", "c", "d", "e", "f"];
const address = (port: number) => ({ kind: "tcp", host: "h", port }) as const;

/** A good table of few names, so that two of them share most. A name may be a service in one and a group in the other. */
const tables = fc
  .record({
    services: fc.uniqueArray(
      fc.record({
        name: fc.constantFrom(...NAMES),
        ports: fc.uniqueArray(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }),
        group: fc.boolean(),
        token: fc.constantFrom("t1", "t2"),
      }),
      { selector: (s) => s.name },
    ),
    groups: fc.uniqueArray(fc.constantFrom("g", "h", ...NAMES), { minLength: 1, maxLength: 3 }),
    groupToken: fc.constantFrom("g1", "g2"),
  })
  .map(({ services, groups, groupToken }) => {
    const names = new Set(services.map((s) => s.name));
    const free = groups.filter((g) => !names.has(g)).sort();
    const used = new Set<number>();
    const routes = services
      .map(({ name, ports, group, token }, i): ServiceRoute => {
        const own = ports.filter((p) => !used.has(p));
        for (const port of own) used.add(port);
        return {
          ...serviceRoute(name, []),
          group: group && free.length > 0 ? (free[i % free.length] as GroupName) : null,
          tokens: [token],
          // Ids belong to ports, so an instance moves between services when its port does.
          instances: own.map((p) => ({ id: `i${p}` as InstanceId, address: address(p) })),
        };
      })
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    const groupRoutes = free.map((g) => {
      const members = routes.filter((r) => r.group === g && r.instances.length > 0).map((r) => [r.name, 1]);
      return { ...groupRoute(g, Object.fromEntries(members)), tokens: [groupToken] };
    });
    return { services: routes, groups: groupRoutes };
  });

/** All that a request can find out. */
function seen(routing: Routing, table: RouteTable) {
  const names = [
    ...NAMES,
    "g",
    "h",
    ...table.services.map((s) => `${s.group}.${s.name}`),
    "g.a",
    "h.b",
    "a.b",
  ];
  return names.map((name) => {
    const buf = Buffer.from(`/api/predict/${name}`, "latin1");
    const route = routing.index.find(buf, 0, buf.length);
    return [
      name,
      route?.tokens.map(String),
      route?.service?.name,
      route?.service?.instances.map((i) => [i.id, i.address, i.isNamed]),
      // Where a rotation stands is its own matter; who takes part is the table's.
      [...new Set(Array.from({ length: 12 }, () => route?.group?.pick()?.name))].sort(),
    ];
  });
}

test("property: a table and its changes give what the last table gives", () => {
  fc.assert(
    fc.property(fc.array(tables, { minLength: 2, maxLength: 5 }), (list) => {
      const changed = new Routing(() => 0.5);
      let before: RouteTable | null = null;
      list.forEach((routes, i) => {
        const table: RouteTable = { number: i + 1, ...routes };
        assert.equal(typeof checkTable(table, i), "object");
        if (before === null) changed.apply(table);
        else {
          const change = routeChange(before, table);
          assert.deepEqual(withRouteChange(before, change), table);
          assert.deepEqual(checkChange(JSON.parse(JSON.stringify(change)), changed), change);
          changed.change(change);
        }
        before = table;
        const whole = new Routing(() => 0.5);
        whole.apply(table);
        assert.deepEqual(new Map([...changed.owners].sort()), new Map([...whole.owners].sort()));
        assert.equal(changed.number, table.number);
        assert.deepEqual(seen(changed, table), seen(whole, table));
      });
    }),
    { numRuns: 300 },
  );
});

test("a change costs what it changes: nothing else is made anew", () => {
  const services = Array.from({ length: 2000 }, (_, i) => serviceRoute(`s${i}`, [address(1 + i)]));
  const routing = new Routing(() => 0.5);
  routing.apply({ number: 1, services, groups: [] });
  const before = [...routing.services].map((s) => s.instances);
  const next = services.with(7, serviceRoute("s7", [address(9999)]));
  const change = routeChange({ number: 1, services, groups: [] }, { number: 2, services: next, groups: [] });
  assert.deepEqual([change.services.map((s) => s.name), change.goneServices], [["s7"], []]);
  routing.change(change);
  const same = [...routing.services].filter((s, i) => s.instances === before[i]).length;
  assert.equal(same, 1999);
});

const none = { base: 1, number: 2, services: [], goneServices: [], groups: [], goneGroups: [] };
const inForce = () => {
  const routing = new Routing(() => 0.5);
  const member = { ...serviceRoute("a", [address(1)]), group: "g" as GroupName };
  routing.apply({
    number: 1,
    services: [member, serviceRoute("b", [address(2)])],
    groups: [groupRoute("g", { a: 1 })],
  });
  return routing;
};
for (const [name, change, reason] of [
  ["of another table", { ...none, base: 3 }, /^base: 3 is not 1/],
  ["without a later number", { ...none, number: 1 }, /^number: must be/],
  ["without a list", { ...none, groups: null }, /^groups: must be a list/],
  ["that takes away a member", { ...none, goneServices: ["a"] }, /^goneServices: a is a member of g/],
  ["that takes away a group in use", { ...none, goneGroups: ["g"] }, /^goneGroups: a is in g/],
  ["that takes away nobody", { ...none, goneServices: ["x"] }, /^goneServices: there is no x/],
  [
    "that puts and takes",
    { ...none, services: [serviceRoute("b", [])], goneServices: ["b"] },
    /^goneServices: b is there/,
  ],
  ["with a name twice", { ...none, services: [serviceRoute("n", []), serviceRoute("n", [])] }, /used twice/],
  ["with a service that is a group", { ...none, services: [serviceRoute("g", [])] }, /g is a group/],
  ["with a group that is a service", { ...none, groups: [groupRoute("b", {})] }, /b is a service/],
  ["with a group of nobody", { ...none, groups: [groupRoute("n", { x: 1 })] }, /names no service/],
  [
    "in a group that is not",
    { ...none, services: [{ ...serviceRoute("n", []), group: "x" }] },
    /names no group/,
  ],
  [
    "with an instance of another service",
    { ...none, services: [{ ...serviceRoute("n", []), instances: [{ id: "b-v1-0", address: address(3) }] }] },
    /instance b-v1-0 belongs to b/,
  ],
] as const) {
  test(`refused: a change ${name}`, () => {
    assert.match(String(checkChange(change, inForce())), reason);
  });
}
