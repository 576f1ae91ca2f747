/** gRPC through the gateway, by real clients and servers (grpc-js): the kinds of calls, metadata, status, deadlines, who is let in. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { type Metadata, status } from "@grpc/grpc-js";
import {
  type GatewayRig,
  GROUP_TOKEN,
  groupRoute,
  serviceRoute,
  startRig,
  TOKEN,
  until,
} from "../../test/harness/gateway-rig.ts";
import { GrpcCaller, GrpcModel, type GrpcTarget, type Row, statusOf } from "../../test/harness/grpc-model.ts";
import type { RouteTable } from "../core/traffic/route-table.ts";

let rig: GatewayRig;
let model: GrpcModel;
let canary: GrpcModel;
let table: RouteTable;
const callers: GrpcCaller[] = [];

before(async () => {
  // A busy machine may need seconds for a connection, or an answer.
  rig = await startRig({ connectMs: 60_000 });
});
after(() => rig.close());

let number = 0;
beforeEach(async () => {
  model = new GrpcModel("model");
  canary = new GrpcModel("canary");
  const grpc = { protocol: "grpc" as const, keepaliveMs: 60_000 };
  const group = { ...grpc, group: "both" as never };
  table = {
    number: ++number,
    services: [
      serviceRoute("grpc_test", [await model.listen()], grpc),
      serviceRoute("main", [{ kind: "tcp", host: "127.0.0.1", port: model.port }], {
        ...group,
        instances: [
          { id: "main-v1-0" as never, address: { kind: "tcp", host: "127.0.0.1", port: model.port } },
        ],
      }),
      serviceRoute("canary", [await canary.listen()], group),
      serviceRoute("empty", [], grpc),
      serviceRoute("http", [{ kind: "tcp", host: "127.0.0.1", port: model.port }], {
        instances: [
          { id: "http-v1-0" as never, address: { kind: "tcp", host: "127.0.0.1", port: model.port } },
        ],
      }),
    ],
    groups: [groupRoute("both", { main: 80, canary: 20 })],
  };
  await rig.put(table);
});
afterEach(() => {
  for (const caller of callers.splice(0)) caller.close();
  model.close();
  canary.close();
});

function caller(more: Partial<GrpcTarget> = {}): GrpcCaller {
  const target = { port: rig.port(), authority: "grpc-test.1.local.example", token: TOKEN, ...more };
  const made = new GrpcCaller(target);
  callers.push(made);
  return made;
}
const reasonOf = (m: Metadata) => m.get("x-sluice-reason")[0];

test("a unary call, by authority and by path prefix: message, metadata both ways, trailers", async () => {
  for (const target of [
    {},
    { authority: "grpc_test.x" },
    { authority: "h", prefix: "/api/predict/grpc_test" },
  ]) {
    const c = caller(target);
    const metadata = c.metadata({ "x-echo": "one", "x-echo-bin": Buffer.from([1, 2, 255]) });
    metadata.add("x-echo", "two");
    const outcome = await c.predict({ text: "hi", number: "7", data: Buffer.from("body") }, {}, metadata);
    assert.equal(outcome.code, status.OK, outcome.details);
    assert.deepEqual(outcome.row, { data: Buffer.from("body"), number: "7", text: "model: hi" });
    assert.deepEqual(outcome.initial!.get("x-echo"), ["one, two"]);
    assert.deepEqual(outcome.initial!.get("x-echo-bin"), [Buffer.from([1, 2, 255])]);
    assert.equal(outcome.trailers.get("x-trailer").join(", "), "t1, t2");
    assert.deepEqual(outcome.trailers.get("x-trailer-bin"), [Buffer.from([0, 255, 10, 13])]);
    const seen = model.seen.at(-1)!;
    assert.deepEqual(seen.get("authorization"), [], "the token stays here");
    assert.equal(seen.get("x-forwarded-for")[0], "127.0.0.1");
    assert.equal(seen.get("x-forwarded-proto")[0], "http");
    assert.equal(String(seen.get("x-request-id")[0]).length, 24);
    assert.equal(model.paths.at(-1), "/sluice.test.Model/Predict");
  }
});

test("what an engine says of a call's wait in its queue is counted, and kept from the client", async () => {
  const c = caller();
  for (const told of ["2500", "700", "12345678901", "x"]) {
    const { code, initial } = await c.predict({ text: "x" }, {}, c.metadata({ "x-sluice-queue-us": told }));
    assert.deepEqual([code, initial!.get("x-sluice-queue-us")], [status.OK, []]);
  }
  const counted = () => {
    const samples = rig.messages.flatMap((m) => (m.type === "report" ? m.samples : []));
    const own = samples.filter((s) => s.service === "grpc_test");
    return [own.reduce((sum, s) => sum + s.queued, 0), own.reduce((sum, s) => sum + s.queueUs, 0)];
  };
  await until(() => counted()[0] === 2, "the two that can be believed to be reported");
  assert.deepEqual(counted(), [2, 3200]);
});

test("an error of the instance comes with its status, details and trailers", async () => {
  const outcome = await caller().predict({ text: "fail" });
  assert.equal(outcome.code, status.FAILED_PRECONDITION);
  assert.equal(outcome.details, "größer than it may be: 100%");
  assert.deepEqual(outcome.trailers.get("grpc-status-details-bin"), [Buffer.from("details")]);
  assert.equal(reasonOf(outcome.trailers), undefined);
  const missing = await caller({ prefix: "/api/predict/grpc_test/pkg.None" }).predict({});
  assert.equal(missing.code, status.UNIMPLEMENTED);
  assert.equal(reasonOf(missing.trailers), undefined, "the server said so");
  await until(() => rig.statuses("grpc_test")["400"] === 1, "it to be counted as 400");
});

test("server streaming, client streaming, and both", async () => {
  const c = caller();
  const watch = c.client.Watch({ number: 500, data: Buffer.alloc(1000) }, c.metadata());
  const got: string[] = [];
  watch.on("data", (row: Row) => got.push(row.number));
  assert.equal((await statusOf(watch)).code, status.OK);
  assert.deepEqual(
    got,
    Array.from({ length: 500 }, (_, i) => String(i + 1)),
  );

  const sum = await new Promise<Row>((resolve, reject) => {
    const call = c.client.Sum(c.metadata(), (error: Error | null, row: Row) =>
      error === null ? resolve(row) : reject(error),
    );
    for (let i = 0; i < 300; i++) call.write({ data: Buffer.alloc(1000) });
    call.end();
  });
  assert.deepEqual([sum.number, sum.text], ["300000", "300 rows"]);

  // Each message has its answer before the next one is sent: nothing is held back.
  const chat = c.client.Chat(c.metadata());
  let last = "";
  chat.on("data", (row: Row) => {
    last = row.text;
  });
  for (let i = 0; i < 20; i++) {
    chat.write({ text: String(i) });
    await until(() => last === `re: ${i}`, `answer ${i}`);
  }
  chat.end();
  assert.equal((await statusOf(chat)).code, status.OK);
});

test("a stream that breaks in the middle has its status behind what came before", async () => {
  const c = caller();
  const chat = c.client.Chat(c.metadata());
  const got: string[] = [];
  chat.on("data", (row: Row) => got.push(row.text));
  chat.on("error", () => {});
  chat.write({ text: "a" });
  await until(() => got.length === 1, "the first answer");
  chat.write({ text: "die" });
  const outcome = await statusOf(chat);
  assert.deepEqual([outcome.code, outcome.details, got], [status.DATA_LOSS, "as asked", ["re: a"]]);
});

test("messages of 4 MiB pass both ways, unchanged", async () => {
  const data = Buffer.alloc(4 * 1024 * 1024 - 100);
  for (let i = 0; i < data.length; i += 4) data.writeUInt32LE(i, i);
  const outcome = await caller().predict({ data });
  assert.equal(outcome.code, status.OK, outcome.details);
  assert.ok(outcome.row!.data.equals(data));
});

test("who may call: raw token, Bearer, the group's token for a member; nobody else", async () => {
  const open = async (more: Partial<GrpcTarget>) => {
    const { token, ...rest } = more;
    const c = caller(token === undefined ? { ...rest, token: undefined as never } : more);
    const outcome = await c.predict({ text: "x" });
    return [outcome.code, reasonOf(outcome.trailers)];
  };
  assert.deepEqual(await open({ token: TOKEN }), [status.OK, undefined]);
  assert.deepEqual(await open({ token: `Bearer ${TOKEN}` }), [status.OK, undefined]);
  assert.deepEqual(await open({ token: GROUP_TOKEN, authority: "main.x" }), [status.OK, undefined]);
  const closed = [status.UNAUTHENTICATED, "TOKEN_REQUIRED"];
  assert.deepEqual(await open({ token: "wrong" }), closed);
  assert.deepEqual(await open({}), closed);
  assert.deepEqual(await open({ token: TOKEN, authority: "both.x" }), closed);
  assert.deepEqual(await open({ token: GROUP_TOKEN }), closed);
});

test("what the gateway refuses is a status with a reason", async () => {
  const refused = async (authority: string, token = TOKEN) => {
    const outcome = await caller({ authority, token }).predict({ text: "x" });
    assert.equal(outcome.row, null);
    return [outcome.code, reasonOf(outcome.trailers)];
  };
  assert.deepEqual(await refused("nobody.x"), [status.UNIMPLEMENTED, "ROUTE_NOT_FOUND"]);
  assert.deepEqual(await refused("127.0.0.1:80"), [status.UNIMPLEMENTED, "ROUTE_NOT_FOUND"]);
  assert.deepEqual(await refused("empty.x"), [status.UNAVAILABLE, "NO_READY_INSTANCE"]);
  assert.deepEqual(await refused("http.x"), [status.UNIMPLEMENTED, "PROTOCOL_MISMATCH"]);
  const plain = await fetch(`http://127.0.0.1:${rig.port()}/api/predict/grpc_test/x`, {
    headers: { authorization: TOKEN },
  });
  assert.deepEqual([plain.status, plain.headers.get("x-sluice-reason")], [415, "PROTOCOL_MISMATCH"]);
});

test("a group's calls are shared by its exact weights; its token may choose the member", async () => {
  const c = caller({ authority: "both.x", token: GROUP_TOKEN });
  const by: Record<string, number> = {};
  for (let i = 0; i < 50; i++) {
    const { row, initial } = await c.predict({ text: "x" });
    const name = row!.text.split(":")[0]!;
    by[name] = (by[name] ?? 0) + 1;
    assert.equal(initial!.get("x-sluice-service")[0], name === "model" ? "main" : "canary");
  }
  assert.deepEqual(by, { model: 40, canary: 10 });
  for (let i = 0; i < 5; i++) {
    const { row } = await c.predict({ text: "x" }, {}, c.metadata({ "x-sluice-member": "canary" }));
    assert.equal(row!.text, "canary: x");
    assert.deepEqual(canary.seen.at(-1)!.get("x-sluice-member"), []);
  }
});

test("limits of the service hold for calls", async () => {
  const limits = { bodyBytesMax: 10_000, headBytesMax: null, idleMs: null, totalMs: null };
  const policy = {
    rate: null,
    concurrency: { limit: 1, isEvaluated: false },
    request: limits,
    balancing: null,
  };
  const services = table.services.map((s) => (s.name === "grpc_test" ? { ...s, policy } : s));
  await rig.put({ ...table, number: ++number, services });
  const c = caller();
  const large = await c.predict({ data: Buffer.alloc(20_000) });
  assert.deepEqual([large.code, reasonOf(large.trailers)], [status.RESOURCE_EXHAUSTED, "BODY_TOO_LARGE"]);
  const chat = c.client.Chat(c.metadata());
  chat.on("error", () => {});
  chat.on("data", () => {});
  chat.write({ text: "x" });
  await until(() => model.open === 1, "the call at the instance");
  const second = await c.predict({ text: "x" });
  assert.deepEqual(
    [second.code, reasonOf(second.trailers)],
    [status.RESOURCE_EXHAUSTED, "CONCURRENCY_LIMITED"],
  );
  chat.end();
  assert.equal((await statusOf(chat)).code, status.OK);
  await until(() => rig.limits("grpc_test").concurrency_limit === 1, "the limit to be counted");
  assert.equal(rig.limits("grpc_test").body_bytes, 1);
  assert.equal((await c.predict({ text: "x" })).code, status.OK, "the place is free again");
});

test("a deadline that the instance misses is met by the gateway, and the instance's call is given up", async () => {
  const c = caller();
  // By a client that waits for longer than it says: what ends the call is the gateway.
  const metadata = c.metadata({ "grpc-timeout": "200m" });
  const outcome = await c.predict({ text: "hang" }, {}, metadata);
  assert.deepEqual(
    [outcome.code, reasonOf(outcome.trailers)],
    [status.DEADLINE_EXCEEDED, "UPSTREAM_TIMEOUT"],
  );
  await until(() => model.cancelled === 1, "the instance's call to be given up");
  const own = await c.predict({ text: "hang" }, { deadline: Date.now() + 200 });
  assert.equal(own.code, status.DEADLINE_EXCEEDED);
  await until(() => model.cancelled === 2, "the instance's call to be given up");
  assert.ok(Number(model.seen.length) === 2);
});

test("a call that its client gives up is given up at the instance, and counted as 499", async () => {
  const c = caller();
  await rig.reported();
  const before = rig.statuses("grpc_test")["499"] ?? 0;
  const [outcome] = await Promise.all([
    c.predict({ text: "hang" }, {}, c.metadata(), async (call) => {
      await until(() => model.open === 1, "the call at the instance");
      call.cancel();
    }),
    until(() => model.cancelled === 1, "the instance's call to be given up"),
  ]);
  assert.equal(outcome.code, status.CANCELLED);
  const watch = c.client.Watch({ text: "hang", data: Buffer.alloc(10) }, c.metadata());
  watch.on("error", () => {});
  await new Promise((resolve) => watch.once("data", resolve));
  watch.cancel();
  await until(() => model.cancelled === 2, "the instance's stream to be given up");
  await until(() => rig.statuses("grpc_test")["499"] === before + 2, "both to be counted");
  assert.equal(model.open, 0);
});

test("1,000 calls at once on one connection", async () => {
  const c = caller();
  const chats = Array.from({ length: 1000 }, (_, i) => {
    const chat = c.client.Chat(c.metadata());
    chat.write({ text: String(i) });
    return chat;
  });
  const answers = chats.map((chat) => new Promise<Row>((resolve) => chat.once("data", resolve)));
  const rows = await Promise.all(answers);
  assert.deepEqual(
    rows.map((row) => row.text),
    Array.from({ length: 1000 }, (_, i) => `re: ${i}`),
  );
  assert.equal(model.open, 1000, "all were open together");
  for (const chat of chats) chat.end();
  const outcomes = await Promise.all(chats.map((chat) => statusOf(chat)));
  assert.ok(outcomes.every((o) => o.code === status.OK));
});
