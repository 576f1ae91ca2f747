/** Sticky groups, forced members, and the ways to pick an instance, over real sockets. */
import assert from "node:assert/strict";
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
import { type Answer, RawClient } from "../../test/harness/raw-client.ts";
import { plain, RawUpstream, type SeenRequest } from "../../test/harness/raw-upstream.ts";
import type { GroupName } from "../core/names.ts";
import type { Affinity } from "../core/traffic/affinity.ts";
import { type Balancing, NO_POLICY } from "../core/traffic/policy.ts";
import type { Address } from "../core/traffic/route-table.ts";

let rig: GatewayRig;
let client: RawClient;
let number = 0;
const upstreams: RawUpstream[] = [];

beforeEach(async () => {
  rig = await startRig();
});
afterEach(async () => {
  client.close();
  await rig.close();
  for (const upstream of upstreams.splice(0)) await upstream.close();
});

/** Instances that answer with their own name. */
async function instances(...names: string[]): Promise<Address[]> {
  const addresses: Address[] = [];
  for (const name of names) {
    const upstream = new RawUpstream((_: SeenRequest, socket: Socket) => socket.write(plain(200, name)));
    upstreams.push(upstream);
    addresses.push(await upstream.listen());
  }
  return addresses;
}
const ask = (path: string, token: string, more = ""): Promise<Answer> =>
  client.ask(`GET /api/predict/${path} HTTP/1.1\r\nHost: h\r\nAuthorization: ${token}\r\n${more}\r\n`);
const group = "g" as GroupName;

/** A group of `a`, `b` and `c` with these weights; a member without one has no share. */
async function putGroup(addresses: readonly Address[], weights: Record<string, number>, sticky?: Affinity) {
  const names = ["a", "b", "c"];
  const tokens = [TOKEN];
  await rig.put({
    number: ++number,
    services: addresses.map((address, i) => serviceRoute(names[i]!, [address], { group, tokens })),
    groups: [{ ...groupRoute("g", weights), ...(sticky === undefined ? {} : { sticky }) }],
  });
}
const connect = () => {
  client = new RawClient(rig.port());
};

test("a group sticky by a header: each client stays with its member, shares follow the weights, and few move when these change", async () => {
  const addresses = await instances("a", "b");
  const sticky: Affinity = { kind: "header", name: "x-user" };
  await putGroup(addresses, { a: 80, b: 20 }, sticky);
  connect();
  const sides = async () => {
    const seen: string[] = [];
    for (let i = 0; i < 400; i++)
      seen.push((await ask("g", GROUP_TOKEN, `X-User: u${i}\r\n`)).fields["x-sluice-service"]!);
    return seen;
  };
  const first = await sides();
  assert.deepEqual(await sides(), first);
  const onB = first.filter((side) => side === "b").length;
  assert.ok(onB > 40 && onB < 120, `${onB} of 400 on the canary`);
  await putGroup(addresses, { a: 70, b: 30 }, sticky);
  const second = await sides();
  const moved = first.filter((side, i) => side !== second[i]).length;
  assert.ok(moved > 10 && moved < 80, `${moved} of 400 moved`);
  assert.ok(first.every((side, i) => side === "a" || second[i] === "b"));
  // Without the header there is nothing to hold on to: one by one, exactly.
  const unknown: string[] = [];
  for (let i = 0; i < 10; i++) unknown.push((await ask("g", GROUP_TOKEN)).fields["x-sluice-service"]!);
  assert.equal(unknown.filter((side) => side === "b").length, 3);
});

test("a group sticky by a cookie: who has none gets one, and with it the same member again; others get none", async () => {
  await putGroup(await instances("a", "b"), { a: 1, b: 1 }, { kind: "cookie", name: "side" });
  connect();
  const first = await ask("g", GROUP_TOKEN);
  const [cookie, ...attributes] = first.fields["set-cookie"]!.split("; ");
  assert.match(cookie!, /^side=[0-9a-f]{16}$/);
  assert.deepEqual(attributes, ["Path=/", "HttpOnly", "SameSite=Lax"]);
  for (let i = 0; i < 5; i++) {
    const again = await ask("g", GROUP_TOKEN, `Cookie: other=1; ${cookie}; more=2\r\n`);
    assert.equal(again.fields["x-sluice-service"], first.fields["x-sluice-service"]);
    assert.equal(again.fields["set-cookie"], undefined);
  }
  assert.equal((await ask("a", TOKEN)).fields["set-cookie"], undefined);
});

test("a cookie that was made for a request that came to nothing goes to nobody else", async () => {
  const [address] = await instances("a");
  await rig.put({
    number: ++number,
    services: [serviceRoute("a", [], { group }), serviceRoute("other", [address!])],
    groups: [{ ...groupRoute("g", { a: 1 }), sticky: { kind: "cookie", name: "side" } }],
  });
  connect();
  assert.equal((await ask("g", GROUP_TOKEN)).status, 503);
  assert.equal((await ask("other", TOKEN)).fields["set-cookie"], undefined);
});

test("X-Sluice-Member: with the group's token any of its services, whatever its share; it is never passed on, and nothing by a service's own address", async () => {
  await putGroup(await instances("a", "b", "c"), { a: 1, b: 3 });
  connect();
  for (const member of ["a", "b", "c", "c"]) {
    const answer = await ask("g", GROUP_TOKEN, `X-Sluice-Member: ${member}\r\n`);
    assert.equal(answer.body.toString(), member);
    assert.equal(answer.fields["x-sluice-service"], member);
  }
  const unknown = await ask("g", GROUP_TOKEN, "X-Sluice-Member: zzz\r\n");
  assert.equal(unknown.status, 404);
  assert.equal(unknown.fields["x-sluice-reason"], "ROUTE_NOT_FOUND");
  assert.equal((await ask("g", TOKEN, "X-Sluice-Member: c\r\n")).status, 401);
  assert.equal((await ask("a", TOKEN, "X-Sluice-Member: c\r\n")).body.toString(), "a");
  for (const upstream of upstreams)
    for (const { head } of upstream.seen) assert.doesNotMatch(head, /x-sluice-member/i);
  // A forced request takes no turn: the split of the others is exact.
  const sides: string[] = [];
  for (let i = 0; i < 8; i++) sides.push((await ask("g", GROUP_TOKEN)).body.toString());
  assert.equal(sides.filter((side) => side === "b").length, 6);
});

async function putService(addresses: readonly Address[], balancing: Balancing): Promise<void> {
  const service = serviceRoute("s", addresses, { policy: { ...NO_POLICY, balancing } });
  await rig.put({ number: ++number, services: [service], groups: [] });
}

test("hash by a cookie: a client keeps its instance; when that one cannot be reached another takes it, and the client comes back to it later", async () => {
  const addresses = await instances("one", "two", "three");
  await putService(addresses, { kind: "hash", by: { kind: "cookie", name: "sid" } });
  connect();
  const seen = new Map<string, string>();
  for (let i = 0; i < 60; i++) {
    const user = `u${i % 20}`;
    const { body } = await ask("s", TOKEN, `Cookie: sid=${user}\r\n`);
    assert.equal(seen.get(user) ?? body.toString(), body.toString());
    seen.set(user, body.toString());
  }
  assert.equal(new Set(seen.values()).size, 3);
  const made = await ask("s", TOKEN);
  assert.match(made.fields["set-cookie"]!, /^sid=[0-9a-f]{16}; /);
  // Without the first instance only its own clients move.
  await putService(addresses.slice(0, 2), { kind: "hash", by: { kind: "cookie", name: "sid" } });
  for (const [user, was] of seen) {
    const { body } = await ask("s", TOKEN, `Cookie: sid=${user}\r\n`);
    if (was !== "three") assert.equal(body.toString(), was);
    else assert.notEqual(body.toString(), "three");
  }
});

test("hash: an instance that refuses connections fails nobody, its clients are answered by others", async () => {
  const addresses = await instances("one", "two");
  const gone: Address = { kind: "unix", path: `${rig.dir}/gone.sock` };
  await putService([...addresses, gone], { kind: "hash", by: { kind: "header", name: "x-user" } });
  connect();
  for (let i = 0; i < 30; i++) assert.equal((await ask("s", TOKEN, `X-User: u${i}\r\n`)).status, 200);
});

test("random_two: every request is answered, by one of the instances that can be reached", async () => {
  const addresses = await instances("one", "two", "three");
  await putService(addresses, { kind: "random-two" });
  connect();
  for (let i = 0; i < 20; i++) assert.equal((await ask("s", TOKEN)).status, 200);
});

test("a member without a share stays warm: connected, probed while it cannot be reached, and its first request meets a connection", async () => {
  await rig.close();
  rig = await startRig({ suspectMs: 20 });
  const [a, b, late] = ["a", "b", "c"].map((name) => {
    const path = join(rig.dir, `${name}.sock`);
    const upstream = new RawUpstream((_, socket) => socket.write(plain(200, name)), path);
    upstreams.push(upstream);
    return upstream;
  }) as [RawUpstream, RawUpstream, RawUpstream];
  const addresses = [await a.listen(), await b.listen(), late.address()];
  await putGroup(addresses, { a: 1 });
  connect();
  await until(() => b.sockets.length === 1, "a connection to the member without a share");
  await until(() => ejections() === 1, "the other one to be found out of reach");
  await late.listen();
  await until(() => late.sockets.length === 1, "a probe");
  assert.equal(a.sockets.length, 0, "a member with a share is connected by its requests");
  await rig.reported();
  await putGroup(addresses, { b: 1, c: 1 });
  for (const name of ["b", "c"]) assert.equal((await ask(name, TOKEN)).body.toString(), name);
  assert.deepEqual([b.sockets.length, late.sockets.length], [1, 1]);
});

const ejections = () =>
  rig.messages
    .flatMap((m) => (m.type === "report" ? m.samples : []))
    .reduce((sum, s) => sum + s.ejections, 0);
