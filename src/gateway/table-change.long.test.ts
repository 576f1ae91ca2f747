import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { groupRoute, serviceRoute } from "../../test/harness/gateway-rig.ts";
import type { GroupName, InstanceId } from "../core/names.ts";
import { changeCommands, tableCommands } from "../core/table-commands.ts";
import { routeChange, withRouteChange } from "../core/traffic/route-change.ts";
import type { RouteTable, ServiceRoute } from "../core/traffic/route-table.ts";
import { Routing } from "./routing.ts";
import { entryOf, routeOf } from "./service-entry.ts";
import { finish } from "./slices.ts";
import { type CheckedChange, checkChange, checkingChange, checkTable, told } from "./table-check.ts";
import { type TableHost, TableIntake } from "./table-intake.ts";
import { TableParts } from "./table-parts.ts";

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
          const checked = checkChange(JSON.parse(JSON.stringify(change)), changed) as CheckedChange;
          assert.deepEqual({ ...checked, services: checked.services.map(routeOf) }, change);
          changed.change(change);
        }
        before = table;
        const whole = new Routing(() => 0.5);
        whole.apply(table);
        assert.deepEqual(idsOf(changed, list), idsOf(whole, list));
        assert.equal(changed.number, table.number);
        assert.deepEqual(seen(changed, table), seen(whole, table));
      });
    }),
    { numRuns: 300 },
  );
});

test("property: whatever step a table has come to, requests see all of it or nothing of it", () => {
  fc.assert(
    fc.property(tables, tables, fc.boolean(), (first, second, isChange) => {
      const before: RouteTable = { number: 1, ...first };
      const after: RouteTable = { number: 2, ...second };
      const [old, next, routing] = [1, 2, 3].map(() => new Routing(() => 0.5)) as [Routing, Routing, Routing];
      old.apply(before);
      next.apply(after);
      routing.apply(before);
      const steps = isChange
        ? routing.changing(asChecked(routeChange(before, after)))
        : routing.applying({ workerCount: 1, ...asChecked(after) });
      const views = [followed(old, before, after), followed(next, before, after)].map((v) =>
        JSON.stringify(v),
      );
      let isSwitched = false;
      for (let isDone = false; !isDone; ) {
        const view = JSON.stringify(followed(routing, before, after));
        if (view !== views[0]) isSwitched = true;
        assert.equal(view, views[isSwitched ? 1 : 0]);
        isDone = steps.next().done === true;
        assert.equal(routing.number, isDone ? 2 : 1, "the number is told when all is over");
      }
      assert.equal(JSON.stringify(followed(routing, before, after)), views[1]);
      assert.deepEqual(idsOf(routing, [first, second]), idsOf(next, [first, second]));
      for (const service of routing.services) assert.ok(service.instances.every((i) => i.isNamed));
    }),
    { numRuns: 200 },
  );
});

const asChecked = <T extends { readonly services: readonly ServiceRoute[] }>(of: T) => ({
  ...of,
  services: of.services.map(entryOf),
});

/** How many instances of each id routing knows, and how many in all. */
function idsOf({ ids }: Routing, tables: readonly Pick<RouteTable, "services">[]) {
  const all = tables.flatMap(({ services }) => services.flatMap((s) => s.instances.map((i) => i.id)));
  return [ids.total, ...all.map((id) => ids.of(id))];
}

/** What requests find out by either table, without what only book-keeping is for. */
function followed(routing: Routing, ...all: readonly RouteTable[]) {
  const names = [...NAMES, "g", "h", ...all.flatMap((t) => t.services.map((s) => `${s.group}.${s.name}`))];
  return names.map((name) => {
    const route = routing.index.get(name);
    route?.service?.follow();
    route?.group?.follow();
    const members = new Set(Array.from({ length: 12 }, () => route?.group?.pick()));
    for (const member of members) member?.follow();
    return [
      name,
      route?.tokens.map(String),
      route?.service?.instances.map((i) => [i.id, i.address]),
      route?.service?.keepaliveMs,
      [...members].map((m) => `${m?.name} ${m?.instances.map((i) => i.id)}`).sort(),
    ];
  });
}

/** What is done with a table on its way to a gateway. */
const ways = fc.record({
  routes: tables,
  isChange: fc.boolean(),
  itemsMax: fc.constantFrom(5, 6, 9, 1000),
  /** Broken off after so many commands; 1: not broken off. */
  brokenAt: fc.constantFrom(0.3, 0.8, 1, 1, 1),
  isBad: fc.boolean(),
});

test("property: whole or in parts, with broken links and refusals between, the last good table is in force", () => {
  fc.assert(
    fc.property(fc.array(ways, { minLength: 2, maxLength: 6 }), (list) => {
      const routing = new Routing(() => 0.5);
      const answers: unknown[] = [];
      const host: TableHost = {
        clock: { monotonic: () => 0 }, // no slice ends
        routing,
        acknowledge: () => answers.push(["ack", routing.number]),
        refuse: (number, reason) => answers.push(["nack", number, /used twice/.test(reason)]),
        ready: () => {},
      };
      const intake = new TableIntake(host, { *applying() {} });
      const expected: unknown[] = [];
      let good: RouteTable = { number: 0, services: [], groups: [] };
      list.forEach(({ routes, isChange, itemsMax, brokenAt, isBad }, i) => {
        const table: RouteTable = { number: i + 1, ...routes };
        const twice = serviceRoute("z", [address(9)]);
        const sent = isBad ? { ...table, services: [...table.services, twice, twice] } : table;
        const commands =
          isChange && good.number > 0
            ? changeCommands(routeChange(good, sent), itemsMax)
            : tableCommands(sent, itemsMax);
        const link = {};
        const isBroken = brokenAt < 1 && commands.length > 1;
        const come = isBroken ? Math.floor(commands.length * brokenAt) : commands.length;
        for (const command of commands.slice(0, come)) {
          const line = JSON.stringify(command);
          assert.ok(intake.take(JSON.parse(line), link, line.length));
        }
        intake.forget(link);
        if (!isBroken) expected.push(isBad ? ["nack", i + 1, true] : ["ack", i + 1]);
        if (!isBroken && !isBad) good = table;
        assert.deepEqual(answers, expected);
        const whole = new Routing(() => 0.5);
        if (good.number > 0) whole.apply(good);
        assert.deepEqual(seen(routing, good), seen(whole, good));
      });
    }),
    { numRuns: 300 },
  );
});

test("parts have a bounded size, whatever a table has much of", () => {
  const addresses = Array.from({ length: 500 }, (_, i) => address(1 + i));
  const services = Array.from({ length: 300 }, (_, i) =>
    serviceRoute(`s${i}`, i % 100 === 0 ? addresses : []),
  );
  const groups = [groupRoute("g", Object.fromEntries(services.map((s) => [s.name, 1]))), groupRoute("h", {})];
  const table = { number: 3, workerCount: 2, services, groups };
  const commands = tableCommands(table);
  const sizes = commands.map((c) => JSON.stringify(c).length);
  assert.ok(
    commands.length > 30 && Math.max(...sizes) < 16_000,
    `${commands.length} of up to ${Math.max(...sizes)}`,
  );
  const parts = new TableParts(commands[0], 1e9, new Routing(() => 0.5));
  for (const command of commands) if (command.type === "part") parts.add(command.part, 1);
  const { services: drafts, fields } = parts.draft;
  assert.deepEqual([parts.problem, fields.number, fields.workerCount], [null, 3, 2]);
  assert.deepEqual([drafts.entries.map(routeOf), fields.groups], [services, groups]);
  assert.deepEqual(tableCommands({ ...table, services: services.slice(1, 9), groups: [] }).length, 1);
});

for (const [name, part, reason] of [
  ["is no object", 7, /^parts\[0\]: must be an object/],
  ["has no list", { services: {} }, /^parts\[0\]\.services: must be a list/],
  ["goes on with nothing", { instances: [] }, /^parts\[0\]\.instances: no service is before/],
  ["goes on with no group", { members: [] }, /^parts\[0\]\.members: no group is before/],
  ["is too large", {}, /^has more bytes/],
] as const) {
  test(`refused: a table of which a part ${name}`, () => {
    const parts = new TableParts({ type: "begin", of: "table", number: 4 }, 1000, new Routing(() => 0.5));
    parts.add(part, name === "is too large" ? 1001 : 10);
    assert.match(String(parts.problem), reason);
    parts.add({ services: [] }, 10);
    assert.match(String(parts.problem), reason, "the first reason stands");
    assert.equal(parts.number, 4);
  });
}

test("a part of any length is taken in, or refused: it does not end the worker", () => {
  const routing = new Routing(() => 0.5);
  routing.apply({ number: 1, services: [], groups: [] });
  const intoGroup = { groups: [groupRoute("g", {})] };
  const many = Array.from({ length: 300_000 }, () => "x");
  for (const list of ["goneServices", "goneGroups", "groups", "members"]) {
    const parts = new TableParts({ type: "begin", of: "change", number: 2, base: 1 }, 1e9, routing);
    parts.add(intoGroup, 1);
    parts.add({ [list]: many }, 1);
    assert.equal(parts.problem, null);
    assert.equal(typeof finish(told(() => checkingChange(parts.draft, routing))), "string", list);
  }
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
  ["that takes away a group that is not", { ...none, goneGroups: ["x"] }, /^goneGroups: there is no x/],
  ["that takes away a service as a group", { ...none, goneGroups: ["b"] }, /^goneGroups: there is no b/],
  ["that takes away one twice", { ...none, goneServices: ["b", "b"] }, /^goneServices: b is there twice/],
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
