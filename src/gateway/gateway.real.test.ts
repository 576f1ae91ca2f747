import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import {
  type GatewayRig,
  GROUP_TOKEN,
  groupRoute,
  serviceRoute,
  startRig,
  TOKEN,
  until,
} from "../../test/harness/gateway-rig.ts";
import { RawClient } from "../../test/harness/raw-client.ts";
import { plain, RawUpstream, type SeenRequest } from "../../test/harness/raw-upstream.ts";
import { isSameProcess, parseIdentity } from "../base/process-identity.ts";
import { Histogram } from "../core/meter/histogram.ts";
import type { Address } from "../core/traffic/route-table.ts";

let rig: GatewayRig;
let upstream: RawUpstream;
let address: Address;
/** Requests whose answer the test gives later. */
let waiting: Socket[];
let clients: RawClient[];

beforeEach(async () => {
  rig = await startRig();
  [waiting, clients] = [[], []];
  upstream = new RawUpstream((request: SeenRequest, socket) => {
    if (request.head.includes("/wait")) waiting.push(socket);
    else socket.write(plain(200, "now"));
  });
  address = await upstream.listen();
});
afterEach(async () => {
  for (const client of clients) client.close();
  await rig.close();
  await upstream.close();
});

const client = () => {
  const made = new RawClient(rig.port());
  clients.push(made);
  return made;
};
const table = (number: number, more: Partial<ReturnType<typeof serviceRoute>> = {}) => ({
  number,
  services: [serviceRoute("s", [address], { group: "g" as never, ...more })],
  groups: [groupRoute("g", { s: 1 })],
});
const get = (path: string, token = TOKEN) =>
  `GET /api/predict/${path} HTTP/1.1\r\nHost: h\r\nAuthorization: ${token}\r\n\r\n`;

test("it says who it is, and listens for clients only once it has a table", async () => {
  const identity = parseIdentity(readFileSync(join(rig.dir, "process.json"), "utf8"));
  assert.ok(identity !== null && identity.pid === process.pid && isSameProcess(identity));
  assert.equal(statSync(join(rig.dir, "control.sock")).mode & 0o777, 0o600);
  await until(() => rig.last("hello") !== undefined, "hello");
  assert.deepEqual(rig.last("hello"), {
    type: "hello",
    pid: process.pid,
    tableNumber: 0,
    listening: false,
    handsOver: true,
  });
  assert.equal(rig.gateway.port(), null);
  await rig.put(table(5));
  assert.equal((await client().ask(get("s"))).status, 200);
  const second = connect(join(rig.dir, "control.sock"));
  const line = await new Promise<string>((resolve) =>
    second.once("data", (chunk) => resolve(chunk.toString().split("\n")[0]!)),
  );
  assert.deepEqual(JSON.parse(line), {
    type: "hello",
    pid: process.pid,
    tableNumber: 5,
    listening: true,
    handsOver: true,
  });
  second.destroy();
});

test("bad tables are refused with a reason, and the last good one stays", async () => {
  await rig.put(table(5));
  const good = table(6);
  const service = good.services[0]!;
  const bad: [unknown, RegExp][] = [
    [table(5), /number: 5 is not above 5/],
    [table(4), /number: 4 is not above 5/],
    [null, /table: must be an object/],
    [{ ...good, number: 6.5 }, /number: must be a whole number/],
    [{ ...good, services: {} }, /services: must be a list/],
    [{ ...good, services: [service, service] }, /services\[1\]\.name: s is used twice/],
    [{ ...good, services: [{ ...service, name: "a/b" }] }, /services\[0\]\.name: is not a name/],
    [{ ...good, services: [{ ...service, tokens: [] }] }, /tokens: is empty/],
    [{ ...good, services: [{ ...service, tokens: ["a\nb"] }] }, /tokens: has a token that cannot/],
    [{ ...good, services: [{ ...service, group: "x" }] }, /group: names no group/],
    [{ ...good, services: [{ ...service, keepaliveMs: 0 }] }, /keepaliveMs/],
    [
      {
        ...good,
        services: [{ ...service, instances: [{ id: "i", address: { kind: "tcp", host: "h", port: 0 } }] }],
      },
      /port/,
    ],
    [
      {
        ...good,
        services: [
          { ...service, instances: [{ id: "i", address: { kind: "unix", path: "x".repeat(108) } }] },
        ],
      },
      /path/,
    ],
    [{ ...good, services: [{ ...service, instances: [{ id: "i", address: { kind: "pipe" } }] }] }, /kind/],
    [
      { ...good, services: [{ ...service, instances: [service.instances[0], service.instances[0]] }] },
      /used twice/,
    ],
    [{ ...good, groups: [groupRoute("g", { x: 1 })] }, /members\[0\]\.service: names no service/],
    [{ ...good, groups: [groupRoute("g", { s: 0 })] }, /weight: must be/],
    [
      { ...good, groups: [groupRoute("g", { s: 1 }), groupRoute("s", {})] },
      /groups\[1\]\.name: s is used twice/,
    ],
  ];
  for (const [wrong, reason] of bad) {
    const before = rig.messages.filter((m) => m.type === "nack").length;
    rig.say({ type: "table", table: wrong });
    await until(() => rig.messages.filter((m) => m.type === "nack").length > before, `a nack for ${reason}`);
    const nack = rig.last("nack")!;
    assert.match(nack.reason, reason);
    assert.ok(!nack.reason.includes("a\nb"), "no token in a reason");
  }
  assert.equal((await client().ask(get("s"))).status, 200);
  await rig.put(table(7));
});

test("a line that is no JSON ends that control connection, and nothing else; losing it changes nothing", async () => {
  await rig.put(table(1));
  const odd = connect(join(rig.dir, "control.sock"));
  odd.on("error", () => {}).resume();
  odd.write("hello\n");
  await new Promise((resolve) => odd.once("close", resolve));
  rig.control.destroy();
  assert.equal((await client().ask(get("s"))).status, 200);
});

test("requests to an instance that is taken off the table are completed, and lingering says when", async () => {
  await rig.put(table(1));
  const [a, b] = [client(), client()];
  assert.equal((await a.ask(get("s"))).status, 200);
  a.send(get("s/wait"));
  b.send(get("g/wait", GROUP_TOKEN));
  await until(() => waiting.length === 2, "both requests to arrive");
  const id = table(1).services[0]!.instances[0]!.id;
  await rig.put(table(2, { instances: [] }));
  await until(() => rig.last("lingering")?.tableNumber === 2, "lingering with the ack");
  assert.deepEqual(rig.last("lingering"), { type: "lingering", tableNumber: 2, inFlight: { [id]: 2 } });
  assert.equal((await client().ask(get("s"))).status, 503, "new ones do not go there");
  waiting[0]!.write(plain(200, "late"));
  assert.equal((await a.answer(1)).body.toString(), "late");
  assert.deepEqual(rig.last("lingering")!.inFlight, { [id]: 2 }, "only the last one is news");
  waiting[1]!.write(plain(200, "later"));
  assert.equal((await b.answer(0)).body.toString(), "later");
  await until(() => Object.keys(rig.last("lingering")!.inFlight).length === 0, "the end of lingering");
  await until(
    () => upstream.sockets.every((s) => s.destroyed),
    "connections to the removed instance to close",
  );
});

test("an instance that comes back while its requests linger is one instance again", async () => {
  await rig.put(table(1));
  const c = client();
  c.send(get("s/wait"));
  await until(() => waiting.length === 1, "the request to arrive");
  await rig.put(table(2, { instances: [] }));
  await rig.put(table(3));
  await until(() => rig.last("lingering")?.tableNumber === 3, "lingering");
  assert.deepEqual(rig.last("lingering")!.inFlight, {});
  waiting[0]!.write(plain(200, "kept"));
  assert.equal((await c.answer(0)).body.toString(), "kept");
  assert.equal((await c.ask(get("s"))).status, 200);
  assert.equal(upstream.sockets.length, 1, "its connection is kept, too");
});

test("reports count requests, statuses, bytes and latency of each service, once", async () => {
  await rig.put(table(1));
  const c = client();
  const request = get("g", GROUP_TOKEN);
  for (let i = 0; i < 20; i++) await c.ask(request);
  await c.ask(get("s", "wrong"));
  await until(() => rig.statuses("s")["200"] === 20 && rig.statuses("s")["401"] === 1, "the reports");
  const samples = rig.messages.flatMap((m) => (m.type === "report" ? m.samples : []));
  const latency = new Histogram();
  for (const sample of samples) latency.merge(sample.latency);
  assert.equal(latency.total, 21);
  const p50 = latency.percentile(0.5)!;
  assert.ok(p50 > 10 && p50 < 1_000_000, `p50 of ${p50} µs`);
  assert.ok(samples.reduce((sum, s) => sum + s.bytesIn, 0) >= 20 * request.length);
  assert.ok(samples.reduce((sum, s) => sum + s.bytesOut, 0) > 20 * plain(200, "now").length);
  assert.equal(rig.last("report")!.connections, 1);
});

test("draining: no new clients, answers end their connections, what is in flight is finished", async () => {
  await rig.put(table(1));
  const [busy, idle, late] = [client(), client(), client()];
  await idle.ask(get("s"));
  await late.ask(get("s"));
  busy.send(get("s/wait"));
  await until(() => waiting.length === 1, "the request to arrive");
  const port = rig.port();
  let isDrained = false;
  const drained = rig.gateway.drain(rig.clock.monotonic() + 30_000).then(() => {
    isDrained = true;
  });
  // On its way when draining began: it is answered.
  assert.equal((await late.ask(get("s"))).fields.connection, "close");
  const refused = connect(port, "127.0.0.1");
  await new Promise((resolve) => refused.once("error", resolve));
  await idle.closed();
  assert.equal(isDrained, false);
  waiting[0]!.write(plain(200, "finished"));
  const answer = await busy.answer(0);
  assert.deepEqual([answer.body.toString(), answer.fields.connection], ["finished", "close"]);
  await drained;
});

test("draining gives up at its deadline", async () => {
  await rig.put(table(1));
  const c = client();
  c.send(get("s/wait"));
  await until(() => waiting.length === 1, "the request to arrive");
  await rig.gateway.drain(rig.clock.monotonic() + 60);
  assert.equal(c.answers.length, 0, "the request is still under way");
  await until(() => rig.limits(null).drain === 1, "it to be counted");
});

test("a port that is taken ends the worker with the reason", async () => {
  const holder = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => holder.once("listening", resolve));
  const { port } = holder.address() as AddressInfo;
  const second = await startRig({}, port);
  second.say({ type: "table", table: table(1) });
  await assert.rejects(second.ended, { code: "EADDRINUSE" });
  await second.close();
  await new Promise((resolve) => holder.close(resolve));
});

test("two workers share one port, each exact in its own requests", async () => {
  const probe = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => probe.once("listening", resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  const workers = [await startRig({}, port), await startRig({}, port)];
  for (const worker of workers) await worker.put(table(1));
  const many = Array.from({ length: 40 }, () => new RawClient(port));
  clients.push(...many);
  for (const c of many) assert.equal((await c.ask(get("s"))).status, 200);
  await until(() => workers.every((w) => (w.statuses("s")["200"] ?? 0) > 0), "both workers to serve some");
  for (const worker of workers) await worker.close();
});
