/** Every limit that a service or a worker has, met over real sockets, and counted. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { afterEach, test } from "node:test";
import {
  type GatewayRig,
  HeldClock,
  serviceRoute,
  startRig,
  TOKEN,
  until,
} from "../../test/harness/gateway-rig.ts";
import { RawClient } from "../../test/harness/raw-client.ts";
import { plain, RawUpstream, type SeenRequest } from "../../test/harness/raw-upstream.ts";
import { type GatewayPolicy, NO_POLICY } from "../core/traffic/policy.ts";
import type { Address } from "../core/traffic/route-table.ts";
import { FIELDS_MAX, HEAD_BYTES_MAX } from "../http1/limits.ts";
import { bytesInFlight } from "./bytes-in-flight.ts";

const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const rigOf = async (...args: Parameters<typeof startRig>): Promise<GatewayRig> => {
  const rig = await startRig(...args);
  closing.push(() => rig.close());
  return rig;
};
const clientOf = (rig: GatewayRig): RawClient => {
  const client = new RawClient(rig.port());
  closing.push(() => client.close());
  return client;
};
const upstreamOf = (answer: (request: SeenRequest, socket: Socket) => void): RawUpstream => {
  const upstream = new RawUpstream(answer);
  closing.push(() => upstream.close());
  return upstream;
};
const good = (_: SeenRequest, socket: Socket) => socket.write(plain(200, "ok"));

const addresses = new Map<RawUpstream, Address>();
async function listening(upstream: RawUpstream): Promise<Address> {
  const address = addresses.get(upstream) ?? (await upstream.listen());
  addresses.set(upstream, address);
  return address;
}

let number = 0;
/** Puts a table with the one service `s` under a policy in force. */
async function serve(
  rig: GatewayRig,
  upstream: RawUpstream,
  policy: Partial<GatewayPolicy>,
  workerCount?: number,
): Promise<void> {
  const address = await listening(upstream);
  const service = serviceRoute("s", [address], { policy: { ...NO_POLICY, ...policy } });
  const count = workerCount === undefined ? {} : { workerCount };
  await rig.put({ number: ++number, services: [service], groups: [], ...count });
}
const request = (limits: Partial<GatewayPolicy["request"]>) => ({
  request: { ...NO_POLICY.request, ...limits },
});
const ask = (method: string, more = "", body = "") =>
  `${method} /api/predict/s/x HTTP/1.1\r\nHost: h\r\nAuthorization: ${TOKEN}\r\n${more}\r\n${body}`;
const GET = ask("GET");
const met = (rig: GatewayRig, service: string | null, limit: string, count: number) =>
  until(() => rig.limits(service)[limit] === count, `${limit} to be counted ${count} times`);

test("rate_limit: as many as the limit pass at once, the next is 429 with Retry-After, and nothing reaches the instance", async () => {
  const clock = new HeldClock();
  const rig = await rigOf({}, 0, { clock });
  const upstream = upstreamOf(good);
  await serve(rig, upstream, { rate: { limit: 3, isEvaluated: false } });
  const client = clientOf(rig);
  for (let i = 0; i < 3; i++) assert.equal((await client.ask(GET)).status, 200);
  const refused = await client.ask(GET);
  assert.equal(refused.status, 429);
  assert.equal(refused.fields["x-sluice-reason"], "RATE_LIMITED");
  assert.equal(refused.fields["retry-after"], "1");
  assert.equal(upstream.seen.length, 3);
  await met(rig, "s", "rate_limit", 1);
  // The connection goes on, and so does the service once there is a token.
  clock.ms += 300;
  assert.equal((await client.ask(GET)).status, 429);
  clock.ms += 34;
  assert.equal((await client.ask(GET)).status, 200);
});

test("rate_limit: each of two workers has half of it", async () => {
  const rig = await rigOf({}, 0, { slot: 1, clock: new HeldClock() });
  const upstream = upstreamOf(good);
  await serve(rig, upstream, { rate: { limit: 8, isEvaluated: false } }, 2);
  const client = clientOf(rig);
  const statuses: number[] = [];
  for (let i = 0; i < 6; i++) statuses.push((await client.ask(GET)).status);
  assert.deepEqual(statuses, [200, 200, 200, 200, 429, 429]);
});

test("evaluate: what is above is counted, and passes", async () => {
  const rig = await rigOf({}, 0, { clock: new HeldClock() });
  const upstream = upstreamOf(good);
  await serve(rig, upstream, {
    rate: { limit: 1, isEvaluated: true },
    concurrency: { limit: 1, isEvaluated: true },
  });
  const client = clientOf(rig);
  client.send(GET.repeat(5));
  for (let i = 0; i < 5; i++) assert.equal((await client.answer(i)).status, 200);
  await met(rig, "s", "rate_limit.evaluated", 4);
  assert.equal(rig.limits("s").rate_limit, undefined);
});

test("concurrency_limit: one more than the limit is 429 at once; a place is free again when a request ends, also by its client leaving", async () => {
  const rig = await rigOf();
  const held: Socket[] = [];
  const upstream = upstreamOf((_, socket) => held.push(socket));
  await serve(rig, upstream, { concurrency: { limit: 2, isEvaluated: false } });
  const [one, two, three] = [clientOf(rig), clientOf(rig), clientOf(rig)];
  one.send(GET);
  two.send(GET);
  await until(() => held.length === 2, "two requests in work");
  const refused = await three.ask(GET);
  assert.equal(refused.status, 429);
  assert.equal(refused.fields["x-sluice-reason"], "CONCURRENCY_LIMITED");
  assert.equal(refused.fields["retry-after"], "1");
  held[0]!.write(plain(200, "first"));
  const first = await Promise.race([one.answer(0), two.answer(0)]);
  assert.equal(first.body.toString(), "first");
  three.send(GET);
  await until(() => held.length === 3, "the next request in work");
  three.close();
  await until(() => (rig.statuses("s")["499"] ?? 0) === 1, "the client to be counted as gone");
  const four = clientOf(rig);
  four.send(GET);
  await until(() => held.length === 4, "another one in its place");
  await met(rig, "s", "concurrency_limit", 1);
});

test("concurrency_limit: a tunnel has its place until it ends, and then gives it back once", async () => {
  const rig = await rigOf();
  const held: Socket[] = [];
  const upstream = upstreamOf((_, socket) => {
    held.push(socket);
    if (held.length > 1) return;
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n");
  });
  await serve(rig, upstream, { concurrency: { limit: 1, isEvaluated: false } });
  const tunnel = clientOf(rig);
  assert.equal((await tunnel.ask(ask("GET", "Connection: Upgrade\r\nUpgrade: raw\r\n"))).status, 101);
  assert.equal((await clientOf(rig).ask(GET)).status, 429);
  tunnel.close();
  held[0]!.destroy();
  await until(() => rig.last("report")?.inFlight["s" as never] === undefined, "the tunnel to be over");
  clientOf(rig).send(GET);
  await until(() => held.length === 2, "a request in the tunnel's place");
  assert.equal((await clientOf(rig).ask(GET)).status, 429, "one place, not two");
  await met(rig, "s", "concurrency_limit", 2);
});

test("a limit comes and goes with the table; requests that go on meanwhile are not lost", async () => {
  const rig = await rigOf({}, 0, { clock: new HeldClock() });
  const upstream = upstreamOf(good);
  await serve(rig, upstream, {});
  const user = clientOf(rig);
  for (let i = 0; i < 5; i++) assert.equal((await user.ask(GET)).status, 200);
  await serve(rig, upstream, { rate: { limit: 1, isEvaluated: false } });
  assert.equal((await user.ask(GET)).status, 200);
  assert.equal((await user.ask(GET)).status, 429);
  await serve(rig, upstream, {});
  for (let i = 0; i < 5; i++) assert.equal((await user.ask(GET)).status, 200);
});

test("request_limit.body_bytes: a longer Content-Length is 413 before anything is sent on; chunks are cut off when they pass it", async () => {
  const rig = await rigOf();
  const upstream = upstreamOf(good);
  await serve(rig, upstream, request({ bodyBytesMax: 100 }));
  const client = clientOf(rig);
  assert.equal((await client.ask(ask("POST", "Content-Length: 100\r\n", "x".repeat(100)))).status, 200);
  const refused = await client.ask(ask("POST", "Content-Length: 101\r\n", "x".repeat(101)));
  assert.equal(refused.status, 413);
  assert.equal(refused.fields["x-sluice-reason"], "BODY_TOO_LARGE");
  assert.equal((await client.ask(GET)).status, 200, "a small refused body does not cost the connection");
  const chunked = clientOf(rig);
  chunked.send(ask("POST", "Transfer-Encoding: chunked\r\n", `32\r\n${"y".repeat(50)}\r\n`));
  await until(() => upstream.bytesSeen > 300, "the first chunk at the instance");
  chunked.send(`32\r\n${"y".repeat(50)}\r\n`);
  assert.equal((await chunked.answer(0)).status, 413);
  await chunked.closed();
  assert.equal(upstream.seen.length, 2);
  await met(rig, "s", "body_bytes", 2);
});

test("request_limit.header_bytes: a longer head is 431", async () => {
  const rig = await rigOf();
  const upstream = upstreamOf(good);
  await serve(rig, upstream, request({ headBytesMax: 400 }));
  const client = clientOf(rig);
  assert.equal((await client.ask(GET)).status, 200);
  const refused = await client.ask(ask("GET", `X-Long: ${"a".repeat(400)}\r\n`));
  assert.equal(refused.status, 431);
  assert.equal(refused.fields["x-sluice-reason"], "HEAD_TOO_LARGE");
  await met(rig, "s", "header_bytes", 1);
});

test("a head that no worker takes is 431, whatever the service allows, and counted by the worker", async () => {
  const rig = await rigOf();
  const upstream = upstreamOf(good);
  await serve(rig, upstream, {});
  for (const fields of [`X-Long: ${"a".repeat(HEAD_BYTES_MAX)}\r\n`, "X: a\r\n".repeat(FIELDS_MAX + 1)]) {
    assert.equal((await clientOf(rig).ask(ask("GET", fields))).status, 431);
  }
  await met(rig, null, "header_bytes", 2);
  assert.equal(upstream.seen.length, 0);
});

test("request_limit.total_timeout: an instance that works for longer is 504, a stream that goes on for longer is cut", async () => {
  const rig = await rigOf();
  const upstream = upstreamOf((seen, socket) => {
    if (!seen.head.includes("X-Stream")) return;
    socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    const more = setInterval(() => socket.write("1\r\na\r\n"), 10);
    socket.on("close", () => clearInterval(more));
  });
  await serve(rig, upstream, request({ totalMs: 80 }));
  const client = clientOf(rig);
  assert.equal((await client.ask(GET)).fields["x-sluice-reason"], "UPSTREAM_TIMEOUT");
  const stream = clientOf(rig);
  stream.send(ask("GET", "X-Stream: 1\r\n"));
  await stream.closed();
  assert.match(stream.rest.toString("latin1"), /^HTTP\/1.1 200/);
  await met(rig, "s", "total_timeout", 2);
});

test("request_limit.idle_timeout: a body that stalls is 408, an answer that stalls is cut, an instance that works is left alone", async () => {
  const rig = await rigOf();
  const upstream = upstreamOf((seen, socket) => {
    if (seen.head.includes("X-Stall")) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
    else setTimeout(() => socket.write(plain(200, "late")), 300);
  });
  await serve(rig, upstream, request({ idleMs: 60 }));
  const body = clientOf(rig);
  body.send(ask("POST", "Content-Length: 10\r\n", "12345"));
  assert.equal((await body.answer(0)).fields["x-sluice-reason"], "REQUEST_TOO_SLOW");
  const stalled = clientOf(rig);
  stalled.send(ask("GET", "X-Stall: 1\r\n"));
  await stalled.closed();
  assert.equal((await clientOf(rig).ask(GET)).body.toString(), "late");
  await met(rig, "s", "idle_timeout", 2);
});

test("connections of one address, and of the worker: one more is closed at once, and counted; a place is free when one goes", async () => {
  const rig = await rigOf({}, 0, { caps: { clientsPerAddressMax: 2 } });
  const upstream = upstreamOf(good);
  await serve(rig, upstream, {});
  const [one, two] = [clientOf(rig), clientOf(rig)];
  assert.equal((await one.ask(GET)).status, 200);
  assert.equal((await two.ask(GET)).status, 200);
  await clientOf(rig).closed();
  await met(rig, null, "connections_per_address", 1);
  one.close();
  await until(() => rig.last("report")?.connections === 1, "the connection to be gone");
  assert.equal((await clientOf(rig).ask(GET)).status, 200);

  const full = await rigOf({}, 0, { caps: { clientsMax: 1 } });
  await serve(full, upstream, {});
  assert.equal((await clientOf(full).ask(GET)).status, 200);
  await clientOf(full).closed();
  await met(full, null, "connections", 1);
});

test("bytes in flight: while a client leaves more than the limit untaken, new requests are 503; then they pass again, and nothing is left counted", async () => {
  const rig = await rigOf({}, 0, { caps: { bytesInFlightMax: 1 } });
  const size = 64 * 1024 * 1024;
  const upstream = upstreamOf((seen, socket) => {
    if (!seen.head.includes("X-Big")) return good(seen, socket);
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
    socket.write(Buffer.alloc(size));
  });
  await serve(rig, upstream, {});
  const reader = clientOf(rig);
  reader.socket.pause();
  reader.send(ask("GET", "X-Big: 1\r\n"));
  // Bytes come and go until the kernel's buffers are full; from then on they stay.
  const asking = clientOf(rig);
  const giveUpAt = performance.now() + 30_000;
  let answer = await asking.ask(GET);
  while (answer.status === 200 && performance.now() < giveUpAt) answer = await asking.ask(GET);
  assert.equal(answer.status, 503);
  assert.equal(answer.fields["x-sluice-reason"], "GATEWAY_OVERLOADED");
  await met(rig, null, "bytes_in_flight", 1);
  reader.close();
  await until(() => bytesInFlight.sum === 0, "the bytes to be let go");
  assert.equal((await clientOf(rig).ask(GET)).status, 200);
});

test("a client that sends its body too slowly is 408, however steadily; one that is fast enough is not", async () => {
  const rig = await rigOf({ clientRateWindowMs: 100 }, 0, { caps: { clientRateMin: 1000 } });
  const upstream = upstreamOf(good);
  await serve(rig, upstream, {});
  const drip = (client: RawClient, bytes: number) => {
    const timer = setInterval(() => client.send("z".repeat(bytes)), 10);
    closing.push(() => clearInterval(timer));
  };
  const slow = clientOf(rig);
  slow.send(ask("POST", "Content-Length: 100000\r\n"));
  drip(slow, 1);
  assert.equal((await slow.answer(0)).fields["x-sluice-reason"], "REQUEST_TOO_SLOW");
  await met(rig, null, "send_rate", 1);
  const fast = clientOf(rig);
  fast.send(ask("POST", "Content-Length: 4000\r\n"));
  drip(fast, 100);
  assert.equal((await fast.answer(0)).status, 200);
  assert.equal(rig.limits(null).send_rate, 1);
});

test("a client that takes its answer too slowly is cut; one that takes it at speed gets all of it", async () => {
  const rig = await rigOf({ clientRateWindowMs: 200 }, 0, { caps: { clientRateMin: 1000 } });
  const upstream = upstreamOf((seen, socket) => {
    const size = seen.head.includes("X-Big") ? 32 * 1024 * 1024 : 1024 * 1024;
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
    socket.write(Buffer.alloc(size));
  });
  await serve(rig, upstream, {});
  const slow = clientOf(rig);
  slow.socket.pause();
  slow.send(ask("GET", "X-Big: 1\r\n"));
  await met(rig, null, "take_rate", 1);
  const fast = await clientOf(rig).ask(GET);
  assert.equal(fast.body.length, 1024 * 1024);
});
