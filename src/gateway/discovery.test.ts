import assert from "node:assert/strict";
import { test } from "node:test";
import type { GroupName, InstanceId, ServiceName } from "../core/names.ts";
import type { GroupRoute, InstanceRoute, RouteTable, ServiceRoute } from "../core/traffic/route-table.ts";
import { MessageHead } from "../http1/message-head.ts";
import { parseRequestHead } from "../http1/request-head.ts";
import { Discovery } from "./discovery.ts";
import { Routing } from "./routing.ts";

const OLD = "/exported/apis/eas.alibaba-inc.k8s.io/v1/upstreams/";
const NEW = "/api/v1/servicediscovery/upstreams/";

/** Instances that clients can call at these ports; 0: one that they cannot. */
const service = (name: string, ports: readonly number[], more: Partial<ServiceRoute> = {}): ServiceRoute => ({
  name: name as ServiceName,
  group: null,
  tokens: ["t"],
  instances: ports.map((port, i) => ({
    id: `${name}-v1-${i}` as InstanceId,
    address: { kind: "unix", path: `/run/${name}/${i}` },
    ...(port === 0 ? {} : { directPort: port }),
  })),
  keepaliveMs: 5000,
  isBodyChecked: true,
  ...more,
});
const inGroup = { group: "g" as GroupName };
const group = (weights: Readonly<Record<string, number>>): GroupRoute => ({
  name: "g" as GroupName,
  tokens: ["gt"],
  members: Object.entries(weights).map(([name, weight]) => ({ service: name as ServiceName, weight })),
});
const elsewhere = (name: string, host: string): ServiceRoute => {
  const route = service(name, [7000]);
  return { ...route, instances: route.instances.map((i): InstanceRoute => ({ ...i, directHost: host })) };
};

function world(table: Pick<RouteTable, "services"> & Partial<RouteTable>) {
  const routing = new Routing(() => 0.5);
  routing.apply({ number: 1, groups: [], ...table });
  const discovery = new Discovery(routing);
  const ask = (
    path: string,
    { from = "127.0.0.1", method = "GET", fields = "Host: gw.example:8080\r\n", isEncrypted = false } = {},
  ) => {
    const head = new MessageHead();
    const buf = Buffer.from(`${method} ${path} HTTP/1.1\r\n${fields}\r\n`, "latin1");
    assert.equal(parseRequestHead(head, buf, 0, buf.length), buf.length);
    const json = discovery.answer(head, buf, { clientAddress: Buffer.from(from), isEncrypted });
    return json === null ? null : JSON.parse(json);
  };
  return { routing, ask };
}

const weightsOf = (answer: { endpoints: { items: { port: number; weight: number }[] } }) =>
  Object.fromEntries(answer.endpoints.items.map(({ port, weight }) => [port, weight]));
const gatewayItem = { app: "own", ip: "gw.example", port: 8080, weight: 100 };

test("both paths tell where the instances of a service are", () => {
  const { ask } = world({ services: [service("own", [7000, 7001]), service("none", [])] });
  const item = { app: "own", ip: "127.0.0.1", weight: 100 };
  const items = [
    { ...item, port: 7000 },
    { ...item, port: 7001 },
  ];
  for (const path of [`${OLD}own`, `${NEW}own`, `${NEW}own?internal=true`, `${OLD}own?internal=false`])
    assert.deepEqual(ask(path), { correlative: ["own"], endpoints: { items } }, path);
  assert.deepEqual(ask(`${NEW}none`), { correlative: ["none"], endpoints: { items: [] } });
});

test("what nobody serves, other paths and other methods are not answered", () => {
  const { ask } = world({ services: [service("own", [7000])] });
  for (const path of [
    NEW,
    `${NEW}other`,
    `${NEW}own/x`,
    `${NEW}own/`,
    "/api/v1/",
    `/x${NEW}own`,
    `${NEW}OWN`,
    "/",
  ])
    assert.equal(ask(path), null, path);
  assert.equal(ask(`${NEW}own`, { method: "POST" }), null);
  assert.notEqual(ask(`${NEW}own`, { method: "HEAD" }), null);
});

test("of a group: its members with a share, with weights that give each its part; a member by both names", () => {
  const { ask } = world({
    services: [
      service("a", [1, 2, 3, 4], inGroup),
      service("b", [5], inGroup),
      service("aside", [6], inGroup),
    ],
    groups: [group({ a: 73, b: 27 })],
  });
  const answer = ask(`${OLD}g`);
  assert.deepEqual(answer.correlative, ["a", "b"]);
  assert.deepEqual(weightsOf(answer), { 1: 73, 2: 73, 3: 73, 4: 73, 5: 108 });
  assert.deepEqual(
    answer.endpoints.items.map((i: { app: string }) => i.app),
    ["a", "a", "a", "a", "b"],
  );
  assert.deepEqual(ask(`${OLD}g.aside`), ask(`${OLD}aside`));
  assert.deepEqual(weightsOf(ask(`${OLD}g.aside`)), { 6: 100 });
});

test("each table has its own answer", () => {
  const { ask, routing } = world({
    services: [service("a", [1, 2], inGroup), service("b", [3], inGroup)],
    groups: [group({ a: 2, b: 1 })],
  });
  assert.deepEqual(weightsOf(ask(`${NEW}g`)), { 1: 1, 2: 1, 3: 1 });
  routing.apply({
    number: 2,
    services: [service("a", [2], inGroup), service("b", [3], inGroup)],
    groups: [group({ a: 1, b: 3 })],
  });
  assert.deepEqual(weightsOf(ask(`${NEW}g`)), { 2: 1, 3: 3 });
  assert.deepEqual(weightsOf(ask(`${NEW}a`)), { 2: 100 });
});

test("what listens on the loopback is told to programs on this machine; for others the gateway stands in", () => {
  const { ask } = world({ services: [service("own", [7000])] });
  assert.deepEqual(weightsOf(ask(`${NEW}own`, { from: "127.0.0.5" })), { 7000: 100 });
  assert.deepEqual(weightsOf(ask(`${NEW}own`, { from: "::1" })), { 7000: 100 });
  const standIn = { correlative: ["own"], endpoints: { items: [gatewayItem] } };
  assert.deepEqual(ask(`${NEW}own`, { from: "10.0.0.9" }), standIn);
  for (const field of ["X-Forwarded-For: 127.0.0.1", "x-forwarded-proto: http", "Forwarded: for=127.0.0.1"])
    assert.deepEqual(ask(`${NEW}own`, { fields: `Host: gw.example:8080\r\n${field}\r\n` }), standIn, field);
});

test("what listens elsewhere is told to all", () => {
  const { ask } = world({ services: [elsewhere("own", "10.0.0.1")] });
  for (const from of ["127.0.0.1", "10.0.0.9"]) {
    const { items } = ask(`${NEW}own`, { from }).endpoints;
    assert.deepEqual(items, [{ app: "own", ip: "10.0.0.1", port: 7000, weight: 100 }]);
  }
});

test("the gateway stands in for what checks no tokens itself, and then for all of its group", () => {
  const { ask } = world({
    services: [service("own", [0, 0]), service("a", [1], inGroup), service("b", [0], inGroup)],
    groups: [group({ a: 1, b: 1 })],
  });
  assert.deepEqual(ask(`${NEW}own`).endpoints.items, [gatewayItem]);
  assert.deepEqual(ask(`${NEW}g`), {
    correlative: ["a", "b"],
    endpoints: { items: [{ ...gatewayItem, app: "g" }] },
  });
  assert.deepEqual(weightsOf(ask(`${NEW}a`)), { 1: 100 });
});

test("the gateway is named as it was asked", () => {
  const { ask } = world({ services: [service("own", [0])] });
  const named = (host: string, isEncrypted = false) => {
    const [item] = ask(`${NEW}own`, { fields: `Host: ${host}\r\n`, isEncrypted })?.endpoints.items ?? [];
    return item === undefined ? null : `${item.ip}:${item.port}`;
  };
  assert.equal(named("models.example"), "models.example:80");
  assert.equal(named("models.example", true), "models.example:443");
  assert.equal(named("10.1.2.3:8080"), "10.1.2.3:8080");
  assert.equal(named("[::1]:8080"), "[::1]:8080");
  for (const bad of ["a:0", "a:65536", ""]) assert.equal(named(bad), null, bad);
});
