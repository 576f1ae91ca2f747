/** Warm-up over the whole program: both formats, the Python and the PMML processor, and what a person sees of it. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { http, Installation, ROOT } from "./harness/installation.ts";
import { runBySdk } from "./harness/python-sdk.ts";
import { until } from "./harness/until.ts";

const sluice = new Installation({ gatewayWorkers: 1 });
before(() => sluice.start());
after(() => sluice.stop());

/** Answers with what it was asked before, in hexadecimal; refuses `bad`, and lets `wait` wait for a file beside it. */
const APP = `
import os, time
seen = []
def process(data, headers):
    seen.append(data.hex())
    if data == b"bad":
        return b"this model knows no such input", 400
    if data == b"wait":
        while not os.path.exists("gate"):
            time.sleep(0.01)
    return " ".join(seen)
`;

/** A folder with the processor, a warm-up file and a service.json that names both by relative paths. */
function service(name: string, file: string, warmUp: string | Buffer | null, rest: object = {}): string {
  const folder = join(sluice.home, "services", name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "app.py"), APP);
  if (warmUp !== null) writeFileSync(join(folder, file), warmUp);
  const spec = {
    name,
    processor_type: "python",
    processor_path: ".",
    processor_entry: "app.py",
    warm_up_data_path: file,
    metadata: { instance: 1, cpu: 0.1, memory: 256, rpc: { worker_threads: 1 } },
    ...rest,
  };
  writeFileSync(join(folder, "service.json"), JSON.stringify(spec));
  return join(folder, "service.json");
}

const asked = async (name: string): Promise<string[]> => {
  const { AccessToken } = await sluice.service(name);
  const answer = await sluice.predict(name, "now", AccessToken);
  assert.equal(answer.status, 200, answer.body);
  return answer.body.split(" ").map((hex) => Buffer.from(hex, "hex").toString("latin1"));
};
// biome-ignore lint/suspicious/noExplicitAny: answers are looked into field by field
const instances = async (name: string): Promise<any[]> =>
  (await sluice.json("GET", `/api/v2/services/local/${name}/instances`)).Instances;

test("the progress of a warm-up is seen, requests come after it, and none of it is counted", async () => {
  const file = service("warm", "warm_up.txt", "one\nwait\nthree\n");
  const created = sluice.ok("create", file);
  let text = "";
  await until(
    async () => {
      const [one] = await instances("warm").catch(() => []);
      text = JSON.stringify(one);
      return one?.Reason === "WarmingUp";
    },
    "the instance to warm up",
    60_000,
    () => text,
  );
  assert.match(
    text,
    /"ReadyProcesses":0,.*"Message":"warming up: request [12] of 3"|"Message":"warming up: request [12] of 3"/,
  );
  assert.match(
    await sluice.ok("w", "warm"),
    /Creating \| \[0\/1\] \| WarmingUp: warming up: request [12] of 3/,
  );
  assert.match(await sluice.ok("explain", "warm"), /\[warm-v1-0\] has loaded and is not ready: warming up/);
  writeFileSync(join(sluice.home, "services", "warm", "gate"), "");
  assert.match(await created, /\[OK\] Service is running/);
  const { key, address } = sluice.clientConfig();
  const counted = async () => {
    const page = await http(`${address}/metrics`, {
      method: "GET",
      headers: { authorization: `Bearer ${key}` },
    });
    const lines = page.body.split("\n").filter((l) => /^sluice_requests_total\{.*service="warm"/.test(l));
    return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
  };
  assert.equal(await counted(), 0);
  assert.deepEqual(await asked("warm"), ["one", "wait", "three", "now"]);
  await until(async () => (await counted()) === 1, "the one request to be counted");
});

test("an update whose warm-up fails is told with the answer, and what was there before serves on", async () => {
  const file = service("warm", "warm_up.txt", null);
  const folder = join(sluice.home, "services", "warm");
  writeFileSync(join(folder, "bad.txt"), "one\nbad\n");
  await sluice.ok("modify", "warm", `-Dwarm_up_data_path=${join(folder, "bad.txt")}`, "--no-wait");
  const answer =
    "warm-up request 2 of 2 (line 2 of bad.txt) was answered 400: this model knows no such input";
  let said = "";
  await until(
    async () => {
      const { Reason, Message } = await sluice.service("warm");
      said = `${Reason} ${Message}`;
      return Reason === "UPDATE_FAILING";
    },
    "the update to fail",
    60_000,
    () => said,
  );
  assert.ok(said.includes(answer), said);
  const failed = (await instances("warm")).find((i) => i.Version === 2);
  assert.equal(failed.LastState[0].reason, "WarmUpFailed");
  assert.equal(failed.LastState[0].message, answer);
  // Between two failures it is tried again, and is told as that.
  const told = async (needle: string, ...command: string[]) =>
    until(async () => (await sluice.ok(...command)).includes(needle), `${command[0]} to say why`, 60_000);
  await told(answer, "w", "warm");
  assert.ok((await sluice.ok("events", "warm")).includes(answer));
  await told(answer, "explain", "warm", failed.InstanceName);
  await told("Correct what warm_up_data_path names", "explain", "warm", failed.InstanceName);
  assert.equal((await asked("warm")).at(-1), "now");
  await sluice.ok("modify", "warm", "-s", file);
  await sluice.untilRunning("warm");

  // What is gone is told before anything is stopped.
  rmSync(join(folder, "bad.txt"));
  const back = await sluice.cli("version", "warm", "2", "-y");
  assert.equal(back.code, 1);
  assert.match(back.stderr, /bad\.txt/);
});

test("a file that is not there is told by its field; a path that the client cannot see by the client", async () => {
  const file = service("cold", "none.txt", null);
  assert.match(
    (await sluice.cli("create", file)).stderr,
    /\$\.warm_up_data_path: there is no file or folder/,
  );
  const spec = JSON.parse(readFileSync(file, "utf8"));
  const folder = join(sluice.home, "services", "cold");
  await sluice.json("POST", "/api/v2/services", {
    ...spec,
    processor_path: folder,
    warm_up_data_path: join(folder, "none.txt"),
  });
  let said = "";
  await until(
    async () => {
      const { Reason, Message } = await sluice.service("cold");
      said = Message;
      return Reason === "FETCH_FAILED";
    },
    "the file to be missed",
    60_000,
  );
  assert.match(said, /^warm_up_data_path: .*none\.txt does not exist$/);
});

test("a request that the SDK has written, brought over http, reaches the processor byte by byte", async (t) => {
  const written = join(sluice.home, "warm_up.bin");
  runBySdk(`
from eas_prediction import TFRequest
request = TFRequest("serving_default")
request.add_feed("x", [1, 2], TFRequest.DT_FLOAT, [1.0, 2.0])
with open(${JSON.stringify(written)}, "wb") as file:
    file.write(request.to_string())
`);
  const bytes = readFileSync(written);
  assert.ok(bytes.includes("serving_default"));
  const server = createServer((_request, response) => response.end(bytes));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/requests/warm_up.bin`;
  await sluice.ok("create", service("sdk", "unused", "", { warm_up_data_path: url }));
  assert.deepEqual(await asked("sdk"), [bytes.toString("latin1"), "now"]);
});

test("a PMML model is warmed up by rows; a row that it refuses is told", async () => {
  const pmml = join(ROOT, "processors", "java", "src", "test", "resources", "heart.pmml");
  const row = { age: 54.5, vessels: 1, chol: 210, pain: "typical", smoker: true };
  const rest = {
    processor: "pmml",
    processor_type: "",
    processor_path: "",
    processor_entry: "",
    model_path: pmml,
  };
  await sluice.ok("create", service("heart", "rows.txt", `${JSON.stringify([row])}\n`, rest));
  assert.match(await sluice.ok("logs", "heart"), /warm-up: 1 requests were answered in \d+ ms/);
  const bad = service("sick", "rows.txt", `${JSON.stringify([row])}\n[{"age":"old"}]\n`, rest);
  const failed = await sluice.cli("create", bad);
  assert.equal(failed.code, 1, failed.stdout);
  assert.match(
    failed.stdout + failed.stderr,
    /warm-up request 2 of 2 \(line 2 of rows\.txt\) was answered 400: /,
  );
});
