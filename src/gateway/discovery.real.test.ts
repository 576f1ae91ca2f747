/** Discovery as clients see it over the wire; what it says is in discovery.test.ts. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type GatewayRig, serviceRoute, startRig } from "../../test/harness/gateway-rig.ts";
import { RawClient } from "../../test/harness/raw-client.ts";
import type { GatewayTraffic } from "../core/gateway-report.ts";

const PATH = "/api/v1/servicediscovery/upstreams/own";
let rig: GatewayRig;
const clients: RawClient[] = [];
const many = Array.from({ length: 20_000 }, (_, i) => i);

before(async () => {
  rig = await startRig();
  const route = (name: string, count: number) => {
    const made = serviceRoute(
      name,
      many.slice(0, count).map((i) => ({ kind: "unix", path: `/nowhere/${name}-${i}` }) as const),
    );
    return { ...made, instances: made.instances.map((i, n) => ({ ...i, directPort: 20_000 + n })) };
  };
  await rig.put({ number: 1, services: [route("own", 2), route("large", many.length)], groups: [] });
});
after(async () => {
  for (const client of clients) client.socket.destroy();
  await rig.close();
});

function client(): RawClient {
  const made = new RawClient(rig.port());
  clients.push(made);
  return made;
}
const ask = (path = PATH, more = "") => `GET ${path} HTTP/1.1\r\nHost: h\r\n${more}\r\n`;

test("an answer without a token, and the connection goes on; questions count as no failures", async () => {
  const one = client();
  one.send(ask() + ask());
  const [first, second] = [await one.answer(0), await one.answer(1)];
  assert.equal(first.status, 200);
  assert.equal(first.fields["content-type"], "application/json");
  assert.equal(first.fields["cache-control"], "no-store");
  assert.equal(first.fields["x-sluice-reason"], undefined);
  assert.deepEqual(
    JSON.parse(first.body.toString()).endpoints.items.map((i: { port: number }) => i.port),
    [20_000, 20_001],
  );
  assert.deepEqual(second.body, first.body);
  one.send(ask(`${PATH}x`));
  const unknown = await one.answer(2);
  assert.deepEqual([unknown.status, unknown.body.length], [404, 0]);
  await rig.reported();
  const reports = rig.messages.filter((m): m is GatewayTraffic => m.type === "report");
  assert.equal(
    reports.reduce((sum, r) => sum + r.unrouted, 0),
    1,
  );
});

test("HEAD says how long it would be; HTTP/1.0 and closing clients get theirs", async () => {
  const head = client();
  head.isHead = true;
  head.send(ask().replace("GET", "HEAD"));
  const told = await head.answer(0);
  assert.equal(told.status, 200);
  assert.ok(Number(told.fields["content-length"]) > 100);
  const old = client();
  old.send(`GET ${PATH} HTTP/1.0\r\n\r\n`);
  assert.equal((await old.answer(0)).status, 200);
  const closing = client();
  closing.send(ask(PATH, "Connection: close\r\n"));
  assert.equal((await closing.answer(0)).fields.connection, "close");
});

test("very many instances, asked for again and again without being read", async () => {
  const one = client();
  const path = PATH.replace(/own$/, "large");
  for (let i = 0; i < 3; i++) one.send(ask(path));
  for (let i = 0; i < 3; i++) {
    const { items } = JSON.parse((await one.answer(i)).body.toString()).endpoints;
    assert.equal(items.length, many.length);
  }
});
