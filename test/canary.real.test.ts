/** The seeds' walk-through on the built program: two services, one group address, exact splits, the tables of `ls`. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Installation, ROOT } from "./harness/installation.ts";

const REQUESTS = 10_000;
const CONNECTIONS = 16;
const example = (file: string) => join(ROOT, "examples", "pmml-canary", file);
const sluice = new Installation({ gatewayWorkers: 2 });
const body = readFileSync(example("request.json"), "utf8");

before(async () => {
  await sluice.start();
  await sluice.ok("create", example("pmml_prod.json"));
  await sluice.ok("create", example("pmml_grey.json"));
});
after(() => sluice.stop());

/** Sends the requests through an address on keep-alive connections and counts who answered. */
async function share(path: string, token: string, count: number): Promise<Record<string, number>> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const url = `${sluice.clientConfig().gateway}/api/predict/${path}`;
  const answered: Record<string, number> = {};
  let left = count;
  const client = async () => {
    while (left > 0) {
      left--;
      await new Promise<void>((resolve, reject) => {
        const req = request(url, { method: "POST", agent, headers: { authorization: token } }, (res) => {
          const member = `${res.headers["x-sluice-service"] ?? "-"}${res.statusCode === 200 ? "" : ` ${res.statusCode}`}`;
          answered[member] = (answered[member] ?? 0) + 1;
          res.resume();
          res.on("end", resolve);
          res.on("error", reject);
        });
        req.on("error", reject);
        req.end(body);
      });
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, client));
  agent.destroy();
  return answered;
}

/** Exact over each worker's cycle, so the sum is off by at most one for each worker. */
function assertSplit(answered: Record<string, number>, wanted: Record<string, number>): void {
  assert.deepEqual(Object.keys(answered).sort(), Object.keys(wanted).sort(), JSON.stringify(answered));
  for (const [member, count] of Object.entries(wanted)) {
    assert(
      Math.abs(answered[member]! - count) <= sluice.gatewayWorkers,
      `${member}: ${answered[member]} of ${count} wanted`,
    );
  }
}

const tokenOf = async (group: string) =>
  (await sluice.json("GET", `/api/v2/groups/local/${group}`)).AccessToken as string;

test("four and one instances share 80 to 20, exactly, and ls shows the seeds' table", async () => {
  const answered = await share("pmml", await tokenOf("pmml"), REQUESTS);
  assertSplit(answered, { pmml_prod: 8000, pmml_grey: 2000 });
  const lines = (await sluice.ok("ls")).trimEnd().split("\n");
  assert.match(lines[0]!, /^\[RequestId\]: [0-9A-F-]{36}$/);
  const rule = /^\+(-+\+){10}$/;
  assert.match(lines[1]!, rule);
  assert.deepEqual(
    lines[2]!.split("|").map((cell) => cell.trim()),
    [
      "",
      "SERVICENAME",
      "INSTANCE",
      "CPU",
      "MEMORY",
      "CREATETIME",
      "UPDATETIME",
      "STATUS",
      "WEIGHT",
      "TRAFFICSTATE",
      "SERVICEGROUP",
      "",
    ],
  );
  const row = (name: string) => lines.find((line) => line.startsWith(`| ${name} `))!;
  assert.match(
    row("pmml_prod"),
    /^\| pmml_prod \s*\|\s+4 \|\s+1 \| 256M\s+\| \S+Z \| \S+Z \| Running \|\s+80 \| grouping\s+\| pmml\s+\|$/,
  );
  assert.match(
    row("pmml_grey"),
    /^\| pmml_grey \s*\|\s+1 \|\s+1 \| 256M\s+\| \S+Z \| \S+Z \| Running \|\s+20 \| grouping\s+\| pmml\s+\|$/,
  );
});

test("release -w 27 makes it 73 to 27, and both are blue-green", async () => {
  const output = await sluice.ok("release", "pmml_grey", "-w", "27", "-y");
  assert.match(output, /\[OK\] Service \[pmml_grey\] is weighted to 27% now/);
  assertSplit(await share("pmml", await tokenOf("pmml"), REQUESTS), { pmml_prod: 7300, pmml_grey: 2700 });
  const table = await sluice.ok("ls");
  assert.match(table, /pmml_prod .*\|\s+73 \| blue-green/);
  assert.match(table, /pmml_grey .*\|\s+27 \| blue-green/);
});

test("in blue-green mode -s is refused with the way back", async () => {
  const result = await sluice.cli("release", "pmml_grey", "-s", "standalone", "-y");
  assert.equal(result.code, 1);
  assert.match(result.stderr, /MODE_IS_EXCLUSIVE/);
});

test("standalone takes a member out of the group's traffic; its own address still answers", async () => {
  await sluice.json("PUT", "/api/v2/groups/local/pmml", { TrafficMode: "auto" });
  const output = await sluice.ok("release", "pmml_grey", "-s", "standalone", "-y");
  assert.match(output, /\[OK\] Service \[pmml_grey\] has entered the traffic state: standalone/);
  const token = await tokenOf("pmml");
  assertSplit(await share("pmml", token, REQUESTS), { pmml_prod: REQUESTS });
  const own = (await sluice.service("pmml_grey")).AccessToken as string;
  for (const key of [own, token])
    assert.equal((await sluice.predict("pmml.pmml_grey", body, key)).status, 200);
  assert.equal((await sluice.predict("pmml", body, own)).status, 401);
});

test("a field of another type is refused by name, one that is missing has its default, and GET describes the model", async () => {
  const token = await tokenOf("pmml");
  const ask = (row: object) => sluice.predict("pmml.pmml_grey", JSON.stringify([row]), token);
  // eas-reference §5.2
  const [without, zero] = [
    await ask({ mean_radius: 17.9 }),
    await ask({ mean_radius: 17.9, mean_texture: 0 }),
  ];
  assert.deepEqual([without.status, without.body], [200, zero.body]);
  const refused = await ask({ mean_radius: 17.9, mean_texture: "rough" });
  assert.equal(refused.status, 400);
  assert.match(refused.body, /mean_texture/);
  assert.doesNotMatch(refused.body, /\tat |Exception in/);
  const described = JSON.parse(await sluice.ok("predict", "pmml.pmml_grey"));
  const inputs = described.inputs.map((input: { name: string }) => input.name);
  assert(inputs.includes("mean_radius") && inputs.includes("mean_texture"), String(inputs));
  assert(described.outputs.some((output: { name: string }) => output.name === "probability_1"));
});
