import assert from "node:assert/strict";
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
import type { ServiceName } from "../core/names.ts";
import {
  addMirrorCounts,
  type CompareRule,
  type MirrorRule,
  NO_MIRROR_COUNTS,
} from "../core/traffic/mirror.ts";
import type { Address } from "../core/traffic/route-table.ts";
import {
  MIRROR_BODY_BYTES_MAX,
  MIRROR_BYTES_MAX,
  MIRROR_IN_FLIGHT_MAX,
  MIRROR_WAITING_MAX,
} from "./limits.ts";

let rig: GatewayRig;
let primary: RawUpstream;
let target: RawUpstream;
let addresses: { primary: Address; target: Address };
let clients: RawClient[];
/** What the target does with a copy. */
let onCopy: (request: SeenRequest, socket: import("node:net").Socket) => void;
let onPrimary: (request: SeenRequest, socket: import("node:net").Socket) => void;
let number: number;

beforeEach(async () => {
  rig = await startRig();
  clients = [];
  number = 0;
  onCopy = (_, socket) => void socket.write(plain(200, "copied"));
  onPrimary = (_, socket) => void socket.write(plain(200, "answered"));
  primary = new RawUpstream((request, socket) => onPrimary(request, socket));
  target = new RawUpstream((request, socket) => onCopy(request, socket));
  addresses = { primary: await primary.listen(), target: await target.listen() };
});
afterEach(async () => {
  for (const client of clients) client.close();
  await rig.close();
  await Promise.all([primary.close(), target.close()]);
});

const client = () => {
  const made = new RawClient(rig.port());
  clients.push(made);
  return made;
};
const rule = (ratio: number, compare: Partial<CompareRule> | null = null): MirrorRule => ({
  ratio,
  targets: ["t" as ServiceName],
  compare:
    compare === null ? null : { mode: "exact", tolerance: 0, ignorePaths: [], sampleCount: 0, ...compare },
});
const put = (mirror: MirrorRule | null, more: { targets?: Address[]; keepaliveMs?: number } = {}) =>
  rig.put({
    number: ++number,
    services: [
      serviceRoute("s", [addresses.primary], {
        group: "g" as never,
        ...(mirror === null ? {} : { mirror }),
      }),
      serviceRoute("t", more.targets ?? [addresses.target], { keepaliveMs: more.keepaliveMs ?? 5000 }),
    ],
    groups: [groupRoute("g", { s: 1 })],
  });
const get = (path = "s/x", token = TOKEN, more = "") =>
  `GET /api/predict/${path} HTTP/1.1\r\nHost: h\r\nAuthorization: ${token}\r\n${more}\r\n`;
const post = (body: string, more = "") =>
  `POST /api/predict/s/x?q=1 HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`;

/** Sum of all reports so far. */
function counts(to = "t") {
  return rig.messages
    .flatMap((m) => (m.type === "report" ? (m.mirrors ?? []) : []))
    .filter((m) => m.service === "s" && m.target === to)
    .reduce(addMirrorCounts, NO_MIRROR_COUNTS);
}
const differences = () => rig.messages.flatMap((m) => (m.type === "report" ? (m.differences ?? []) : []));

test("a copy is what the instance got, marked, without a token, and counts as no traffic of the target", async () => {
  await put(rule(100));
  const answer = await client().ask(post("body", "X-Request-Id: abc\r\nX-Own: 1\r\n"));
  assert.equal(answer.body.toString(), "answered");
  await until(() => counts().answered === 1, "the copy to be answered");
  const [copy, original] = [target.seen[0]!, primary.seen[0]!];
  assert.equal(copy.head.replace("X-Sluice-Mirror: 1\r\n", ""), original.head);
  assert.match(copy.head, /^POST \/x\?q=1 HTTP\/1\.1\r\nX-Sluice-Mirror: 1\r\n/);
  assert.match(copy.head, /X-Request-Id: abc\r\n/);
  assert.doesNotMatch(copy.head, /authorization/i);
  assert.equal(copy.body.toString(), "body");
  await until(() => rig.statuses("s")["200"] === 1, "the primary to be counted");
  assert.deepEqual(rig.statuses("t"), {}, "no user asked the target");
  assert.deepEqual(counts(), { ...NO_MIRROR_COUNTS, sent: 1, answered: 1 });
});

test("the ratio is exact over ten thousand requests, through the group's address too", async () => {
  await put(rule(37));
  const one = client();
  for (let sent = 0; sent < 10_000; sent += 100) {
    const request = sent % 200 === 0 ? get() : get("g/x", GROUP_TOKEN);
    one.send(request.repeat(100));
    await one.answer(sent + 99);
    // So many as were taken by the ratio, at every hundred.
    const taken = ((sent + 100) / 100) * 37;
    await until(() => target.seen.length === taken, `${taken} copies`);
  }
  await until(() => counts().answered === 3700, "all copies to be answered");
  assert.equal(counts().sent, 3700);
  assert.equal(primary.seen.length, 10_000);
  assert.ok(target.sockets.length <= MIRROR_IN_FLIGHT_MAX, "connections are used again");
});

test("a table that does not concern the mirror leaves the ratio exact", async () => {
  await put(rule(50));
  const one = client();
  for (let i = 0; i < 10; i++) {
    await one.ask(get());
    await put(rule(50));
  }
  await until(() => counts().answered === 5, "every second one");
  assert.equal(counts().sent, 5);
});

test("a copy is not copied again", async () => {
  await put(rule(100));
  const one = client();
  await one.ask(get("s/x", TOKEN, "x-sluice-mirror: 1\r\n"));
  await one.ask(get());
  await until(() => counts().answered === 1, "the second to be copied");
  assert.equal(target.seen.length, 1);
});

test("a target that hangs costs bounded room, and the primary nothing", async () => {
  onCopy = () => {};
  await put(rule(100), { keepaliveMs: 600_000 });
  const many = Array.from({ length: 8 }, client);
  const room = MIRROR_IN_FLIGHT_MAX + MIRROR_WAITING_MAX;
  for (let round = 0; round < 10; round++) {
    const index = many[0]!.answers.length;
    for (const one of many) one.send(post("x".repeat(2000)).repeat(25));
    const answers = await Promise.all(many.map((one) => one.answer(index + 24)));
    assert.ok(answers.every((a) => a.status === 200));
  }
  await until(() => counts().dropped.busy >= 2000 - room, "what is too much to be dropped");
  assert.equal(counts().sent, MIRROR_IN_FLIGHT_MAX);
  assert.equal(target.seen.length, MIRROR_IN_FLIGHT_MAX);
  await until(() => rig.statuses("s")["200"] === 2000, "all of the primary's answers to be counted");
  assert.deepEqual({ ...counts().dropped, busy: 0 }, NO_MIRROR_COUNTS.dropped);
  await until(() => counts().dropped.busy === 2000 - MIRROR_IN_FLIGHT_MAX, "those that waited to be dropped");
});

test("a target that does not answer in time is given up", async () => {
  onCopy = () => {};
  await rig.close();
  rig = await startRig({ timeoutMarginMs: 0 });
  await put(rule(100), { keepaliveMs: 50 });
  await client().ask(get());
  await until(() => counts().failed === 1, "the copy to be given up");
  assert.equal(target.seen.length, 1, "and not sent again");
});

test("a target that resets, or answers garbage, or breaks off: the primary is answered, nothing is tried again", async () => {
  const bad: [string, typeof onCopy][] = [
    ["reset", (_, socket) => void socket.resetAndDestroy()],
    ["garbage", (_, socket) => void socket.end("SSH-2.0-x\r\n\r\n")],
    ["upgrade", (_, socket) => void socket.write("HTTP/1.1 101 X\r\nUpgrade: x\r\n\r\n")],
    ["cut", (_, socket) => void socket.end("HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\nhal")],
    ["endless head", (_, socket) => void socket.write(`HTTP/1.1 200 X\r\nA: ${"x".repeat(80_000)}`)],
  ];
  await put(rule(100));
  const one = client();
  for (const [name, act] of bad) {
    onCopy = act;
    const before = { ...counts(), seen: target.seen.length };
    assert.equal((await one.ask(get())).body.toString(), "answered", name);
    await until(() => counts().failed === before.failed + 1, `${name} to be counted`);
    assert.equal(target.seen.length, before.seen + 1, `${name}: once only`);
  }
  onCopy = (_, socket) => void socket.write(`HTTP/1.1 100 X\r\n\r\n${plain(500, "x")}`);
  await one.ask(get());
  await until(() => counts().answered === 1, "a bad status is an answer");
});

test("nobody there: missing, and tried again only after a while", async () => {
  await target.close();
  await rig.close();
  rig = await startRig({ suspectMs: 60_000 });
  await put(rule(100));
  const one = client();
  await one.ask(get());
  await until(() => counts().failed === 1, "the refused connection to be counted");
  for (let i = 0; i < 20; i++) await one.ask(get());
  await until(() => counts().dropped.missing === 20, "the others to be dropped at once");
  await put(rule(100), { targets: [] });
  await one.ask(get());
  await until(() => counts().dropped.missing === 21, "no instance, no copy");
  await until(() => rig.statuses("s")["200"] === 22, "every answer of the primary to be counted");
});

test("bodies: in pieces, chunked, too large by length, too large by growing, never finished", async () => {
  await put(rule(100));
  const one = client();
  const body = "0123456789".repeat(20_000);
  const whole = post(body);
  one.send(whole.slice(0, 90_000));
  await until(() => primary.bytesSeen > 80_000, "the primary to get it as it comes");
  assert.equal(target.bytesSeen, 0, "a copy is sent when it is complete");
  one.send(whole.slice(90_000));
  await one.answer(0);
  await until(() => counts().answered === 1, "a body in pieces");
  assert.equal(target.seen[0]!.body.toString(), body);

  const chunked = `POST /api/predict/s HTTP/1.1\r\nHost: h\r\nAuthorization: ${TOKEN}\r\nTransfer-Encoding: chunked\r\n\r\n`;
  const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
  one.send(chunked + chunk("abc"));
  await until(() => primary.bytesSeen > 200_000, "the first chunk");
  one.send(chunk("d".repeat(70_000)));
  one.send(`${chunk("e")}0\r\n\r\n`);
  await one.answer(1);
  await until(() => counts().answered === 2, "a chunked body");
  assert.equal(target.seen[1]!.body.toString(), `abc${"d".repeat(70_000)}e`);

  await one.ask(post("x".repeat(MIRROR_BODY_BYTES_MAX + 1)));
  await until(() => counts().dropped.tooLarge === 1, "too large by its length");
  one.send(chunked);
  for (let i = 0; i < 5; i++) one.send(chunk("y".repeat(64 * 1024)));
  await until(() => counts().dropped.tooLarge === 2, "too large by growing, before its end");
  one.send("0\r\n\r\n");
  assert.equal((await one.answer(3)).status, 200);

  const leaver = client();
  const seen = primary.bytesSeen;
  leaver.send(`${chunked}${chunk("z")}`);
  await until(() => primary.bytesSeen > seen, "the unfinished request at the primary");
  leaver.close();
  await until(() => counts().dropped.unfinished === 1, "a request that broke off");
  assert.equal(target.seen.length, 2);
  const sum = counts();
  assert.deepEqual([sum.sent, sum.answered, sum.failed], [2, 2, 0]);
});

test("a chunked body is too large by its framed bytes, however much of it came with its head", async () => {
  await put(rule(100));
  const one = client();
  const head = `POST /api/predict/s HTTP/1.1\r\nHost: h\r\nAuthorization: ${TOKEN}\r\nTransfer-Encoding: chunked\r\n\r\n`;
  const framed = (bytes: number) => {
    const length = bytes - "40000\r\n\r\n0\r\n\r\n".length;
    const body = `${length.toString(16)}\r\n${"x".repeat(length)}\r\n0\r\n\r\n`;
    assert.equal(body.length, bytes);
    return body;
  };
  for (const [i, hereBytes] of [0, 1000, 60_000, 100_000].entries()) {
    for (const [j, extra] of [0, 1].entries()) {
      const whole = head + framed(MIRROR_BODY_BYTES_MAX + extra);
      const seen = primary.bytesSeen;
      one.send(whole.slice(0, head.length + hereBytes));
      if (hereBytes === 0) await until(() => primary.bytesSeen > seen, "the head alone to be passed on");
      one.send(whole.slice(head.length + hereBytes));
      assert.equal((await one.answer(2 * i + j)).status, 200);
    }
    const told = () => [counts().answered, counts().dropped.tooLarge].join();
    await until(
      () => told() === [i + 1, i + 1].join(),
      `one to be copied, one to be dropped (${hereBytes} B)`,
    );
  }
});

test("what all copies hold is bounded: above it they are dropped, and the primary goes on", async () => {
  await put(rule(100));
  const body = "x".repeat(250_000);
  const whole = post(body);
  const many = Array.from({ length: 80 }, client);
  for (const one of many) one.send(whole.slice(0, 1000));
  const roomFor = Math.floor(MIRROR_BYTES_MAX / (whole.length + 1024));
  await until(() => counts().dropped.memory > 0, "copies to be dropped");
  for (const one of many) one.send(whole.slice(1000));
  for (const one of many) assert.equal((await one.answer(0)).status, 200);
  await until(() => counts().answered + counts().dropped.memory === 80, "every copy to be accounted for");
  assert.ok(counts().answered >= roomFor - 1, `${counts().answered} copies found room`);
  await until(() => rig.statuses("s")["200"] === 80, "every answer of the primary to be counted");
  await many[0]!.ask(get());
  await until(() => counts().sent > 80 - counts().dropped.memory, "the room to be free again");
});

test("a target is deleted half way: its copies end, the primary does not", async () => {
  onCopy = () => {};
  await put(rule(100));
  const one = client();
  for (let i = 0; i < 5; i++) await one.ask(get());
  await until(() => target.seen.length === 5, "copies in flight");
  await rig.put({ number: ++number, services: [serviceRoute("s", [addresses.primary])], groups: [] });
  await until(() => counts().failed === 5, "the copies in flight to be given up");
  assert.equal((await one.ask(get())).status, 200);
  assert.equal(target.seen.length, 5);
  await put(rule(100));
  onCopy = (_, socket) => void socket.write(plain(200, "again"));
  await one.ask(get());
  await until(() => counts().answered === 1, "a new mirror to work");
});

test("comparing: equal, other status, other body, JSON within its tolerance; samples only when asked", async () => {
  await put(rule(100, { mode: "exact" }));
  const one = client();
  onCopy = (_, socket) => void socket.write(plain(200, "answered"));
  await one.ask(get());
  await until(() => counts().compared === 1, "one pair");
  onCopy = (_, socket) => void socket.write(plain(200, "other"));
  await one.ask(get());
  await until(() => counts().compared === 2, "two pairs");
  assert.equal(counts().differing, 1);
  assert.deepEqual(differences(), [], "users' data is kept only where that was asked for");

  await put(rule(100, { mode: "json", tolerance: 0.01, ignorePaths: ["$.at"], sampleCount: 2 }));
  onPrimary = (_, socket) => void socket.write(plain(200, '{"score": 1.0, "at": 1}'));
  onCopy = (_, socket) =>
    void socket.write(
      'HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{"at":2, \r\ne\r\n"score":1.009}\r\n0\r\n\r\n',
    );
  await one.ask(get());
  await until(() => counts().compared === 3, "three pairs");
  assert.equal(counts().differing, 1);
  onCopy = (_, socket) => void socket.write(plain(200, '{"score": 2.0, "at": 1}'));
  await one.ask(get("s/x", TOKEN, "X-Request-Id: id-1\r\n"));
  await until(() => differences().length === 1, "a sample");
  assert.deepEqual(
    { ...differences()[0], atMs: 0 },
    {
      atMs: 0,
      service: "s",
      target: "t",
      requestId: "id-1",
      text: "$.score: 1 and 2",
      primary: { status: 200, body: '{"score": 1.0, "at": 1}', isCut: false },
      copy: { status: 200, body: '{"score": 2.0, "at": 1}', isCut: false },
    },
  );

  await put(rule(100, { mode: "status", sampleCount: 1 }));
  onCopy = (_, socket) => void socket.write(plain(418, "tea"));
  await one.ask(get());
  await until(() => counts().differing === 3, "another status");
});

test("comparing waits for whichever answer is late, and gives up what cannot be compared", async () => {
  await put(rule(100, { mode: "exact" }));
  const one = client();
  const held: (() => void)[] = [];
  onPrimary = (_, socket) => void held.push(() => socket.write(plain(200, "copied")));
  one.send(get());
  await until(() => counts().answered === 1, "the copy to be answered first");
  held.pop()!();
  await one.answer(0);
  await until(() => counts().compared === 1, "the pair");
  assert.equal(counts().differing, 0);

  onPrimary = (_, socket) => void socket.write(plain(200, "x".repeat(70_000)));
  await one.ask(get());
  await until(() => counts().uncompared === 1, "too long an answer");
  onPrimary = (_, socket) => void socket.destroy();
  await one.ask(post("x"));
  await until(() => counts().uncompared === 2, "no answer of the primary");
  onPrimary = (_, socket) => void socket.write(plain(200, "copied"));
  onCopy = (_, socket) => void socket.resetAndDestroy();
  await one.ask(get());
  await until(() => counts().uncompared === 3, "no answer of the copy");
  assert.equal(counts().compared, 1);
});

test("two targets: each gets every copy, and one that hangs takes nothing from the other", async () => {
  const other = new RawUpstream((_, socket) => void socket.write(plain(200, "answered")));
  const otherAddress = await other.listen();
  onCopy = () => {};
  const both = { ...rule(100, { mode: "exact" }), targets: ["t", "u"] as ServiceName[] };
  const services = [
    serviceRoute("s", [addresses.primary], { mirror: both }),
    serviceRoute("t", [addresses.target], { keepaliveMs: 600_000 }),
    serviceRoute("u", [otherAddress]),
  ];
  try {
    await rig.put({ number: ++number, services, groups: [] });
    const one = client();
    const count = MIRROR_IN_FLIGHT_MAX + MIRROR_WAITING_MAX + 50;
    for (let i = 0; i < count; i++) await one.ask(post(`body ${i}`));
    await until(() => other.seen.length === count, "every copy at the other");
    assert.deepEqual(
      other.seen.map((r) => r.body.toString()).toSorted(),
      primary.seen.map((r) => r.body.toString()).toSorted(),
    );
    await until(() => counts("u").compared === count, "every pair to be compared");
    assert.deepEqual([counts("u").differing, counts("u").uncompared], [0, 0]);
    await until(() => counts().dropped.busy >= 50, "the slow one's to be dropped");
    assert.equal(target.seen.length, MIRROR_IN_FLIGHT_MAX);
    // The slow one goes: its pairs are settled, and the other one stays.
    const left = { ...both, targets: ["u"] as ServiceName[] };
    const [first, , third] = services;
    const after = [{ ...first!, mirror: left }, third!];
    await rig.put({ number: ++number, services: after, groups: [] });
    await until(() => counts().failed === MIRROR_IN_FLIGHT_MAX, "copies in flight to be given up");
    await one.ask(get());
    await until(() => counts("u").compared === count + 1, "one more pair");
  } finally {
    await other.close();
  }
});

test("a target's instances change: copies go to those of now, over new connections", async () => {
  await put(rule(100));
  const one = client();
  await one.ask(get());
  await until(() => counts().answered === 1, "a copy to the first");
  let isClosed = false;
  target.sockets[0]!.on("close", () => (isClosed = true));
  const next = new RawUpstream((_, socket) => void socket.write(plain(200, "next")));
  const moved = serviceRoute("t", [await next.listen()]);
  try {
    const services = [serviceRoute("s", [addresses.primary], { mirror: rule(100) }), moved];
    await rig.put({ number: ++number, services, groups: [] });
    await until(() => isClosed, "the kept connection to be closed");
    await one.ask(get());
    await until(() => next.seen.length === 1, "a copy to the next");
    assert.equal(target.seen.length, 1);
  } finally {
    await next.close();
  }
});

test("HEAD is copied as it is; a client of HTTP/1.0 is copied and not compared", async () => {
  await put(rule(100, { mode: "exact" }));
  onCopy = (_, socket) => void socket.write("HTTP/1.1 200 X\r\nContent-Length: 8\r\n\r\n");
  onPrimary = onCopy;
  const one = client();
  one.socket.write(get().replace("GET", "HEAD"));
  await until(() => counts().compared === 1, "the pair of heads");
  assert.equal(counts().differing, 0);
  onCopy = (_, socket) => void socket.write(plain(200, "answered"));
  onPrimary = (_, socket) =>
    void socket.write("HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nanswered\r\n0\r\n\r\n");
  const old = client();
  const answer = await old.ask(get().replace("HTTP/1.1", "HTTP/1.0"));
  assert.equal(answer.body.toString(), "answered");
  await until(() => counts().answered === 2, "the copy");
  assert.deepEqual([counts().compared, counts().uncompared], [1, 1]);
});

test("tables with bad mirrors are refused", async () => {
  await put(null);
  const bad: [unknown, RegExp][] = [
    [rule(0), /mirror\.ratio: must be a whole number from 1 to 100/],
    [{ ...rule(1), targets: [] }, /mirror\.targets: is empty/],
    [{ ...rule(1), targets: ["s"] }, /names no other service/],
    [{ ...rule(1), targets: ["t", "t"] }, /names one twice/],
    [rule(1, { mode: "x" as never }), /compare\.mode/],
    [rule(1, { ignorePaths: [1 as never] }), /compare\.ignorePaths/],
  ];
  for (const [mirror, reason] of bad) {
    number++;
    const services = [{ ...serviceRoute("s", []), mirror }, serviceRoute("t", [])];
    rig.say({ type: "table", table: { number, services, groups: [] } });
    await until(() => rig.last("nack")?.tableNumber === number, "a nack");
    assert.match(rig.last("nack")!.reason, reason);
  }
});
