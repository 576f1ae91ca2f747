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
  rig = await startRig();
});
after(() => rig.close());

let number = 0;
beforeEach(async () => {
  model = new GrpcModel("model");
  canary = new GrpcModel("canary");
  const grpc = { protocol: "grpc" as const };
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
    assert.deepEqual(outcome.row, { data: Buffer.from("body"), number: "7", text: "model: hi" } as never);
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
