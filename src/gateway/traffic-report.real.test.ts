/** What a gateway tells of its traffic: by instance, over changes of the table, with queue times, and the access log. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import type { Socket } from "node:net";
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
import { plain, RawUpstream } from "../../test/harness/raw-upstream.ts";
import type { ServiceSample, TrafficCounts } from "../core/gateway-report.ts";
import { addCounts, addSamples, NO_TRAFFIC } from "../core/meter/traffic-sum.ts";
import type { Address } from "../core/traffic/route-table.ts";

let rig: GatewayRig;
let upstreams: RawUpstream[];
let addresses: Address[];
let waiting: Socket[];
let clients: RawClient[];

beforeEach(async () => {
  rig = await startRig();
  [waiting, clients] = [[], []];
  upstreams = [0, 1].map(
    (i) =>
      new RawUpstream((request, socket) => {
        if (request.head.includes("/wait")) waiting.push(socket);
        else if (request.head.includes("/cut")) socket.destroy();
        else if (request.head.includes("/queued"))
          socket.write("HTTP/1.1 200 OK\r\nX-Sluice-Queue-Us: 2500\r\nContent-Length: 2\r\n\r\nok");
        else socket.write(plain(i === 0 ? 200 : 201, "now"));
      }),
  );
  addresses = await Promise.all(upstreams.map((u) => u.listen()));
});
afterEach(async () => {
  for (const client of clients) client.close();
  await rig.close();
  for (const upstream of upstreams) await upstream.close();
});

const client = () => {
  const made = new RawClient(rig.port());
  clients.push(made);
  return made;
};
const table = (number: number, own: readonly Address[] = addresses) => ({
  number,
  services: [serviceRoute("s", own, { group: "g" as never })],
  groups: [groupRoute("g", { s: 1 })],
});
const request = (path: string, token = TOKEN, method = "GET") =>
  `${method} /api/predict/${path} HTTP/1.1\r\nHost: h\r\nAuthorization: ${token}\r\n\r\n`;

/** All that was reported so far of service `s`. */
function sum(): ServiceSample | undefined {
  const samples = rig.messages.flatMap((m) => (m.type === "report" ? m.samples : []));
  return samples
    .filter((s) => s.service === "s")
    .reduce<ServiceSample | undefined>((a, b) => (a ? addSamples(a, b) : b), undefined);
}
const instance = (id: string) => sum()?.instances.find((i) => i.instance === id);

test("each request is counted at its instance, or at none; the whole is their sum", async () => {
  await rig.put(table(1));
  const c = client();
  for (let i = 0; i < 10; i++) await c.ask(request("g", GROUP_TOKEN));
  await c.ask(request("s", "wrong"));
  await until(() => sum()?.requests === 11, "all to be reported");
  const whole = sum()!;
  assert.deepEqual(whole.statuses, { "200": 5, "201": 5, "401": 1 });
  assert.deepEqual(instance("s-v1-0")!.statuses, { "200": 5 });
  assert.deepEqual(instance("s-v1-1")!.statuses, { "201": 5 });
  assert.equal(whole.grouped, 10);
  const parts = whole.instances.reduce<TrafficCounts>(addCounts, NO_TRAFFIC);
  assert.equal(parts.bytesIn, 10 * request("g", GROUP_TOKEN).length);
  assert.equal(whole.bytesIn, parts.bytesIn + request("s", "wrong").length);
  assert.ok(whole.latencyUs >= parts.latencyUs && parts.latencyUs > 0);
});

test("what is in flight is told by instance, also when the table names it no more; its answer is counted at it", async () => {
  await rig.put(table(1, [addresses[0]!]));
  const c = client();
  c.send(request("s/wait"));
  await until(() => waiting.length === 1, "the request to arrive");
  const inFlight = () => {
    const report = rig.last("report");
    const own = report?.samples.find((s) => s.service === "s");
    return own?.instances.find((i) => i.instance === "s-v1-0")?.inFlight ?? 0;
  };
  await until(() => inFlight() === 1, "it to be told");
  await rig.put({ number: 2, services: [], groups: [] });
  const seen = rig.messages.length;
  await until(
    () => rig.messages.slice(seen).filter((m) => m.type === "report").length >= 2,
    "two reports more",
  );
  assert.equal(inFlight(), 1, "it goes on");
  waiting[0]!.write(plain(200, "late"));
  assert.equal((await c.answer(0)).status, 200);
  await until(() => instance("s-v1-0")?.statuses["200"] === 1, "its answer to be counted");
  await until(() => inFlight() === 0, "nothing in flight");
});

test("a second try is counted at the instance that was left, its answer at the other", async () => {
  await rig.put(table(1));
  const c = client();
  // Each instance breaks off this path, so the answer is 502; one try was taken from the first.
  assert.equal((await c.ask(request("s/cut"))).status, 502);
  await until(() => sum()?.requests === 1, "the report");
  const whole = sum()!;
  assert.deepEqual([whole.retries, whole.statuses], [1, { "502": 1 }]);
  const left = whole.instances.find((i) => i.retries === 1)!;
  const other = whole.instances.find((i) => i.requests === 1)!;
  assert.notEqual(left.instance, other.instance);
});

test("the engine's queue time is counted, and kept from the client", async () => {
  await rig.put(table(1, [addresses[0]!]));
  const c = client();
  const answer = await c.ask(request("s/queued"));
  assert.deepEqual([answer.status, answer.fields["x-sluice-queue-us"]], [200, undefined]);
  await c.ask(request("s"));
  await until(() => sum()?.requests === 2, "the report");
  const { queued, queueUs, queueUsMax } = instance("s-v1-0")!;
  assert.deepEqual([queued, queueUs, queueUsMax], [1, 2500, 2500]);
});

test("the access log begins and ends by command, and says what became of each request", async () => {
  const file = join(rig.dir, "access.log");
  await rig.put(table(1, [addresses[0]!]));
  const c = client();
  await c.ask(request("s"));
  rig.say({ type: "access-log", file, share: 1, withQuery: false });
  rig.say({ type: "access-log", file, share: 1, withQuery: false });
  await rig.put(table(2, [addresses[0]!]));
  const answer = await c.ask(request("g/x?y=1", GROUP_TOKEN));
  assert.equal(answer.status, 200);
  await c.ask(request("s", "wrong", "POST"));
  await c.ask(request("nobody"));
  c.send("nonsense\r\n\r\n");
  await c.answer(4);
  const lines = () =>
    existsSync(file)
      ? readFileSync(file, "utf8")
          .split("\n")
          .filter((l) => l !== "")
          .map((l) => JSON.parse(l) as Record<string, unknown>)
      : [];
  await until(() => lines().length === 4, "the lines");
  const short = lines().map((l) => [l.service, l.member, l.instance, l.method, l.path, l.status, l.reason]);
  assert.deepEqual(short, [
    ["g", "s", "s-v1-0", "GET", "/api/predict/g/x", 200, null],
    ["s", null, null, "POST", "/api/predict/s", 401, "TOKEN_REQUIRED"],
    [null, null, null, "GET", "/api/predict/nobody", 404, "ROUTE_NOT_FOUND"],
    [null, null, null, null, null, 400, "BAD_REQUEST"],
  ]);
  assert.ok(lines().every((l) => Number(l.bytes) > 0 && Number(l.ms) > 0 && l.client === "127.0.0.1"));
  rig.say({ type: "access-log", file, share: null, withQuery: false });
  await rig.put(table(3, [addresses[0]!]));
  await client().ask(request("s"));
  const told = () =>
    rig.messages.reduce(
      (n, m) => n + (m.type === "report" ? m.accessLog.written + m.accessLog.dropped : 0),
      0,
    );
  await until(() => told() === 4, "the counts");
  assert.equal(lines().length, 4);
});
