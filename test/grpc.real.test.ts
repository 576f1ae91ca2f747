/** A real gRPC server (Python's grpcio) as a service of the built program, called by real clients: grpcio and grpc-js. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { status } from "@grpc/grpc-js";
import { GrpcCaller, type Outcome } from "./harness/grpc-model.ts";
import { http, Installation, ROOT } from "./harness/installation.ts";
import { grpcPython } from "./harness/python-grpc.ts";
import { until } from "./harness/until.ts";

const sluice = new Installation({ gatewayWorkers: 2 });
const callers: GrpcCaller[] = [];
const fixtures = join(ROOT, "test", "fixtures", "grpc");

/** A service.json for the server under a name of its own. */
const specOf = (name: string, metadata: object = {}) => ({
  name,
  processor_path: fixtures,
  metadata: { instance: 1, memory: 256, enable_grpc: true, ...metadata },
  containers: [{ command: [grpcPython(), "server.py"], env: [{ name: "NAME", value: name }] }],
});
async function create(spec: { readonly name: string }): Promise<void> {
  const file = join(sluice.home, `${spec.name}.json`);
  writeFileSync(file, JSON.stringify(spec));
  await sluice.ok("create", file);
}

before(async () => {
  await sluice.start();
  await create(specOf("grpc_test"));
});
after(async () => {
  for (const caller of callers) caller.close();
  await sluice.stop();
});

const gateway = () => new URL(sluice.clientConfig().gateway);
function caller(authority: string, token: string): GrpcCaller {
  const made = new GrpcCaller({ port: Number(gateway().port), authority, token });
  callers.push(made);
  return made;
}
const modelOf = ({ initial }: Outcome) => String(initial?.get("x-model")[0]);

const WANTED = {
  unary: ["hello", "mine", "00ff", "behind", "0102"],
  large: true,
  fail: ["FAILED_PRECONDITION", "größer: 100%"],
  "wrong token": ["UNAUTHENTICATED", "TOKEN_REQUIRED"],
  watch: 500,
  sum: 300_000,
  chat: Array.from({ length: 10 }, (_, i) => String(i)),
  cancelled: "CANCELLED",
};

test("a Python client makes every kind of call, by authority and by path prefix", async () => {
  const token = (await sluice.service("grpc_test")).AccessToken as string;
  const { host } = gateway();
  const ways = [["grpc-test.1.local.example"], ["h", "/api/predict/grpc_test"]];
  for (const [authority, ...prefix] of ways) {
    const args = [join(fixtures, "client.py"), host, authority!, token, ...prefix];
    const { stdout } = await promisify(execFile)(grpcPython(), args, { timeout: 120_000 });
    const { deadline, ...found } = JSON.parse(stdout);
    assert.deepEqual(found, WANTED);
    assert.equal(deadline[0], "DEADLINE_EXCEEDED");
  }
});

test("grpc-js calls it, too; HTTP is told what it is", async () => {
  const token = (await sluice.service("grpc_test")).AccessToken as string;
  const outcome = await caller("grpc-test.x", token).predict({ text: "hi", data: Buffer.from("body") });
  assert.equal(outcome.code, status.OK, outcome.details);
  assert.deepEqual([outcome.row!.text, modelOf(outcome)], ["hi", "grpc_test"]);
  const answer = await http(`${gateway().origin}/api/predict/grpc_test`, {
    method: "POST",
    headers: { authorization: token },
  });
  assert.equal(answer.status, 415);
});

test("a group's calls are shared by weight", async () => {
  await create(specOf("grpc_main", { group: "grpcs" }));
  await create(specOf("grpc_canary", { group: "grpcs" }));
  await sluice.ok("release", "grpc_canary", "-w", "20", "-y");
  const group = await sluice.json("GET", "/api/v2/groups/local/grpcs");
  const c = caller("grpcs.x", group.AccessToken);
  const tally = async () => {
    const by: Record<string, number> = {};
    for (let i = 0; i < 50; i++) {
      const outcome = await c.predict({ text: "x" });
      assert.equal(outcome.code, status.OK, outcome.details);
      by[modelOf(outcome)] = (by[modelOf(outcome)] ?? 0) + 1;
    }
    return by;
  };
  // One connection stays with one worker, so the split is exact once that worker has the table.
  let by: Record<string, number> = {};
  const isInForce = async () => {
    by = await tally();
    return by.grpc_canary === 10;
  };
  await until(isInForce, "the split to be in force", 60_000, () => JSON.stringify(by));
  assert.deepEqual(by, { grpc_main: 40, grpc_canary: 10 });
});

test("what cannot be is refused: gRPC behind a processor, another protocol later, a mirror", async () => {
  const file = join(sluice.home, "bad.json");
  const bad = {
    name: "bad",
    processor_type: "python",
    processor_path: join(ROOT, "examples", "python-echo"),
    processor_entry: "app.py",
    metadata: { instance: 1, enable_grpc: true },
  };
  writeFileSync(file, JSON.stringify(bad));
  assert.match((await sluice.cli("create", file)).stderr, /metadata\.enable_grpc.*program of its own/);
  writeFileSync(file, JSON.stringify({ metadata: { enable_grpc: false } }));
  assert.match((await sluice.cli("modify", "grpc_test", "-s", file)).stderr, /enable_grpc.*cannot change/);
});
