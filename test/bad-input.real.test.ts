/** What people and machines get wrong, on the built program: each answer names the problem, and nothing else suffers. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { http, Installation } from "./harness/installation.ts";
import { fixtureSpec } from "./harness/specs.ts";
import { until } from "./harness/until.ts";

const sluice = new Installation({ gatewayWorkers: 1 });
const folder = mkdtempSync(join(tmpdir(), "sluice-bad-"));
let files: Server;
let filesUrl = "";

before(async () => {
  files = createServer((req, res) => {
    try {
      res.end(readFileSync(join(folder, req.url!.slice(1))));
    } catch {
      res.writeHead(404).end();
    }
  });
  await new Promise<void>((done) => files.listen(0, "127.0.0.1", done));
  filesUrl = `http://127.0.0.1:${(files.address() as { port: number }).port}`;
  await sluice.start();
});
after(async () => {
  await sluice.stop();
  files.close();
  rmSync(folder, { recursive: true, force: true });
});

const create = (spec: unknown) => sluice.api("POST", "/api/v2/services", spec);

/** Expects a refusal of the whole document, and gives its text. */
async function refused(spec: unknown, status = 400): Promise<string> {
  const answer = await create(spec);
  assert.equal(answer.status, status, answer.body);
  const body = JSON.parse(answer.body) as { Code: string; Message: string; RequestId: string };
  assert.match(body.RequestId, /^[0-9A-F-]{36}$/);
  return `${body.Code} ${body.Message}`;
}

async function untilStatus(name: string, wanted: RegExp, within = 30_000): Promise<string> {
  let said = "";
  await until(
    async () => {
      const service = await sluice.service(name);
      const instances = (await sluice.json("GET", `/api/v2/services/local/${name}/instances`)).Instances as {
        Reason: string;
      }[];
      said = `${service.Status} ${service.Reason} ${service.Message} ${JSON.stringify(instances)}`;
      return wanted.test(said);
    },
    `service ${name} to say ${wanted}`,
    within,
    () => said,
  );
  return said;
}

async function remove(name: string): Promise<void> {
  await sluice.ok("delete", name, "-y");
}

test("malformed JSON is refused with line and column", async () => {
  assert.match(await refused('{\n  "name": "x",\n  oops\n}'), /INVALID_JSON .*line 3/);
});

test("a document of 50 MB is refused, and the next one is served", async () => {
  const answer = await create(
    JSON.stringify({ name: "big", model_config: "x".repeat(50 * 1024 * 1024) }),
  ).catch((error: Error) => error);
  // The server may close before all of it is sent; then the client sees the reset.
  if (!(answer instanceof Error)) assert.equal(answer.status, 413, answer.body.slice(0, 200));
  assert.equal((await sluice.api("GET", "/healthz")).status, 200);
});

test("all problems of a document are told at once, each with its path", async () => {
  const said = await refused({
    name: "Bad Name",
    processor_typ: "python",
    metadata: { instance: -1, cpu: "many", rpc: { worker_threads: 0 } },
  });
  for (const part of [
    "$.name",
    "processor_typ",
    "processor_type",
    "$.metadata.instance",
    "-1",
    "$.metadata.cpu",
    "$.metadata.rpc.worker_threads",
  ]) {
    assert(said.includes(part), `${part} is missing in: ${said}`);
  }
});

test("names with /, .., a space or 200 characters, and counts out of range, are refused", async () => {
  for (const name of ["a/b", "..", "a b", "x".repeat(200), ""])
    assert.match(await refused(fixtureSpec(name, "steady")), /\$\.name/);
  assert.match(
    await refused(fixtureSpec("fine", "steady", { instance: 100_000 })),
    /\$\.metadata\.instance: found 100000/,
  );
});

test("known fields without effect yet are named in the answer", async () => {
  const answer = JSON.parse(
    (await create(fixtureSpec("hopeful", "steady", { gpu: 1 }, { autoscaler: { min: 1, max: 3 } }))).body,
  );
  assert.deepEqual([...answer.NotEffective].sort(), ["$.autoscaler", "$.metadata.gpu"].sort());
  await remove("hopeful");
});

test("two creates of one name at once: one is accepted, one is refused", async () => {
  const answers = await Promise.all([
    create(fixtureSpec("twin", "steady")),
    create(fixtureSpec("twin", "steady")),
  ]);
  assert.deepEqual(answers.map((a) => a.status).sort(), [200, 409]);
  await remove("twin");
});

test("delete while creating leaves nothing behind", async () => {
  await create(fixtureSpec("brief", "sleeps"));
  await remove("brief");
  assert.equal((await sluice.api("GET", "/api/v2/services/local/brief")).status, 404);
  await until(() => !sluice.processes().some((p) => p.id.startsWith("brief-")), "its processes to end");
});

test("a model path that is missing, or has no such entry, is told by name", async () => {
  const missing = await create({ ...fixtureSpec("m1", "steady"), model_path: "/nowhere/model.bin" });
  const said = missing.status === 200 ? await untilStatus("m1", /nowhere/) : missing.body;
  assert.match(said, /nowhere\/model\.bin/);
  if (missing.status === 200) await remove("m1");
  mkdirSync(join(folder, "empty"), { recursive: true });
  const noEntry = await create({
    ...fixtureSpec("m2", "steady"),
    model_path: join(folder, "empty"),
    model_entry: "model.bin",
  });
  assert.match(noEntry.status === 200 ? await untilStatus("m2", /model\.bin/) : noEntry.body, /model\.bin/);
  if (noEntry.status === 200) await remove("m2");
  const noPmml = {
    name: "m3",
    processor: "pmml",
    model_path: join(folder, "empty"),
    metadata: { instance: 1, memory: 256 },
  };
  assert.equal((await create(noPmml)).status, 200);
  assert.match(await untilStatus("m3", /\.pmml|model_entry/, 60_000), /empty/);
  await remove("m3");
});

test("archives that are broken, or reach outside, are refused by name", async () => {
  writeFileSync(join(folder, "broken.tar.gz"), "this is no archive");
  mkdirSync(join(folder, "tree"), { recursive: true });
  writeFileSync(join(folder, "tree", "model.txt"), "m");
  spawnSync("tar", [
    "-czf",
    join(folder, "outside.tar.gz"),
    "-C",
    join(folder, "tree"),
    "--transform",
    "s,model,../../escaped,",
    "model.txt",
    "-P",
  ]);
  symlinkSync("/etc/passwd", join(folder, "tree", "link"));
  spawnSync("tar", ["-czf", join(folder, "link.tar.gz"), "-C", join(folder, "tree"), "link"]);
  for (const [name, archive, wanted] of [
    ["a1", "broken.tar.gz", /broken\.tar\.gz/],
    ["a2", "outside.tar.gz", /escaped/],
    ["a3", "link.tar.gz", /link/],
    ["a4", "gone.tar.gz", /404/],
  ] as const) {
    assert.equal(
      (await create({ ...fixtureSpec(name, "steady"), model_path: `${filesUrl}/${archive}` })).status,
      200,
    );
    assert.match(await untilStatus(name, wanted), wanted);
    await remove(name);
  }
});

test("a PMML file that is not PMML fails with its name", async () => {
  const file = join(folder, "not.pmml");
  writeFileSync(file, "<html><body>404</body></html>");
  assert.equal(
    (
      await create({
        name: "nopmml",
        processor: "pmml",
        model_path: file,
        metadata: { instance: 1, cpu: 1, memory: 256 },
      })
    ).status,
    200,
  );
  assert.match(await untilStatus("nopmml", /not\.pmml/, 60_000), /not\.pmml/);
  await remove("nopmml");
});

test("a processor that throws at start is told in w with what it threw, and is tried again later", async () => {
  await create(fixtureSpec("thrower", "throws"));
  assert.match(await untilStatus("thrower", /weights have 3 layers/), /weights have 3 layers/);
  await until(
    async () => {
      const { Instances } = await sluice.json("GET", "/api/v2/services/local/thrower/instances");
      return Instances[0].RestartCount >= 2;
    },
    "it to be tried again",
    30_000,
  );
  assert.match(await sluice.ok("w", "thrower"), /thrower-v1-0/);
  await remove("thrower");
});

test("a crash-blocked processor is kept as it fell", async () => {
  await create(fixtureSpec("blocked", "throws", {}, { runtime: { enable_crash_block: true } }));
  await untilStatus("blocked", /Failed/);
  const { Instances } = await sluice.json("GET", "/api/v2/services/local/blocked/instances");
  assert.equal(Instances[0].Status, "Failed");
  assert.equal(Instances[0].RestartCount, 0);
  await remove("blocked");
});

test("a processor that sleeps forever at start gets no traffic, and its service waits", async () => {
  await create(fixtureSpec("sleeper", "sleeps"));
  await untilStatus("sleeper", /Waiting|Creating/);
  const { AccessToken } = await sluice.service("sleeper");
  const answer = await sluice.predict("sleeper", "x", AccessToken);
  assert.equal(answer.status, 503);
  assert.equal(answer.headers["x-sluice-reason"], "NO_READY_INSTANCE");
  await remove("sleeper");
});

test("a processor that ends after 3 s comes back, and the deaths are counted", async () => {
  await create(fixtureSpec("ender", "ends"));
  await sluice.untilRunning("ender");
  await until(
    async () => {
      const { Instances } = await sluice.json("GET", "/api/v2/services/local/ender/instances");
      return Instances[0].RestartCount >= 1;
    },
    "a death to be counted",
    30_000,
  );
  const { AccessToken } = await sluice.service("ender");
  await until(
    async () => (await sluice.predict("ender", "x", AccessToken)).status === 200,
    "it to answer again",
    30_000,
  );
  await remove("ender");
});

test("100 MB of prints neither fill the disk nor block the start", async () => {
  await create(fixtureSpec("printer", "prints"));
  await sluice.untilRunning("printer");
  const { AccessToken } = await sluice.service("printer");
  assert.equal((await sluice.predict("printer", "x", AccessToken)).body, "printed");
  const used = Number(
    spawnSync("du", ["-sm", join(sluice.home, "logs")], { encoding: "utf8" }).stdout.split("\t")[0],
  );
  assert(used < 64, `${used} MB of logs`);
  await remove("printer");
});

test("a memory bomb meets its own limit, and its neighbour serves on", async () => {
  await create(fixtureSpec("grower", "grows", { memory: 256 }));
  await create(fixtureSpec("neighbour", "steady"));
  await sluice.untilRunning("grower");
  await sluice.untilRunning("neighbour");
  const grower = (await sluice.service("grower")).AccessToken as string;
  const neighbour = (await sluice.service("neighbour")).AccessToken as string;
  const answer = await sluice.predict("grower", "grow", grower);
  const { Instances } = await sluice.json("GET", "/api/v2/services/local/grower/instances");
  if (Instances[0].Limits.Memory === "rlimit") {
    assert([400, 500].includes(answer.status), `${answer.status} ${answer.body}`);
    assert.match(answer.body, /memory/);
  } else {
    // A control group ends the instance as a whole: who was served hears of that.
    assert([500, 502].includes(answer.status), `${answer.status} ${answer.body}`);
    await until(async () => {
      const { Instances } = await sluice.json("GET", "/api/v2/services/local/grower/instances");
      return /^OOMKilled/.test(Instances[0].LastState[0]?.reason ?? "");
    }, "the reason to be told");
  }
  assert.equal((await sluice.predict("neighbour", "x", neighbour)).status, 200);
  await remove("grower");
  await remove("neighbour");
});

test("request bodies: empty, binary, 100 MB; and errors without a stack trace", async () => {
  await create(fixtureSpec("bodies", "steady", { memory: 1000 }));
  await create(fixtureSpec("picky", "slow"));
  await sluice.untilRunning("bodies");
  await sluice.untilRunning("picky");
  const token = (await sluice.service("bodies")).AccessToken as string;
  const url = `${sluice.clientConfig().gateway}/api/predict/bodies`;
  const send = (body: Buffer) => http(url, { method: "POST", headers: { authorization: token }, body });
  assert.equal((await send(Buffer.alloc(0))).status, 200);
  assert.equal((await send(Buffer.from([0, 255, 13, 10, 0]))).status, 200);
  const big = await send(Buffer.alloc(100 * 1024 * 1024, "b"));
  assert.equal(big.status, 200);
  assert(big.body.length > 100 * 1024 * 1024);
  const picky = (await sluice.service("picky")).AccessToken as string;
  const answer = await sluice.predict("picky", "soon", picky);
  assert.equal(answer.status, 400);
  assert.match(answer.body, /invalid literal/);
  assert.doesNotMatch(answer.body, /Traceback|File "/);
  await remove("bodies");
  await remove("picky");
});

test("queue full is 450, too slow is 408", async () => {
  await create(
    fixtureSpec("tight", "slow", { "rpc.worker_threads": 1, "rpc.max_queue_size": 1, "rpc.keepalive": 700 }),
  );
  await sluice.untilRunning("tight");
  const token = (await sluice.service("tight")).AccessToken as string;
  const slow = await sluice.predict("tight", "3000", token);
  assert.equal(slow.status, 408);
  assert.equal(slow.headers["x-sluice-reason"], "KEEPALIVE_EXCEEDED");
  const answers = await Promise.all(Array.from({ length: 6 }, () => sluice.predict("tight", "300", token)));
  const statuses = answers.map((a) => a.status);
  assert(statuses.includes(450), String(statuses));
  await remove("tight");
});

test("a client of one byte a second and one that closes half way cost nobody else anything", async () => {
  await create(fixtureSpec("patient", "steady", { "rpc.keepalive": 30_000 }));
  await sluice.untilRunning("patient");
  const token = (await sluice.service("patient")).AccessToken as string;
  const gateway = new URL(sluice.clientConfig().gateway);
  const open = () =>
    new Promise<Socket>((resolve, reject) => {
      const socket = connect(Number(gateway.port), gateway.hostname, () => resolve(socket));
      socket.on("error", reject);
    });
  const head = `POST /api/predict/patient HTTP/1.1\r\nhost: x\r\nauthorization: ${token}\r\ncontent-length: 5\r\n\r\n`;
  const slow = await open();
  let heard = "";
  slow.on("data", (chunk) => (heard += String(chunk)));
  slow.write(head);
  let sent = 0;
  const drip = setInterval(() => (sent < 5 ? slow.write("abcde"[sent++]!) : clearInterval(drip)), 1000);
  const half = await open();
  half.write(`${head}ab`);
  half.destroy();
  for (let i = 0; i < 20; i++) assert.equal((await sluice.predict("patient", "x", token)).status, 200);
  await until(
    () => heard.includes("abcde"),
    "the slow client's answer",
    20_000,
    () => heard,
  );
  clearInterval(drip);
  slow.destroy();
  await remove("patient");
});

test("a full disk refuses changes with STORE_FULL and keeps serving", {
  skip: process.getuid?.() !== 0 && "needs root for a tmpfs",
}, async () => {
  const small = new Installation({ gatewayWorkers: 1 });
  assert.equal(spawnSync("mount", ["-t", "tmpfs", "-o", "size=24m", "tmpfs", small.home]).status, 0);
  try {
    await small.start();
    await small.json("POST", "/api/v2/services", fixtureSpec("before", "steady"));
    await small.untilRunning("before");
    const token = (await small.service("before")).AccessToken as string;
    const filler = join(small.home, "filler");
    const fill = () => spawnSync("dd", ["if=/dev/zero", `of=${filler}`, "bs=1M", "count=64"]);
    fill();
    assert(statSync(filler).size > 0);
    const answer = await small.api("POST", "/api/v2/services", {
      ...fixtureSpec("after", "steady"),
      model_config: "x".repeat(200_000),
    });
    assert.equal(answer.status, 507, answer.body);
    assert.match(answer.body, /STORE_FULL/);
    assert.equal((await small.predict("before", "x", token)).status, 200);
    assert.equal((await small.service("before")).Status, "Running");
    // As soon as there is room it goes on, by itself.
    rmSync(filler);
    const meanwhile = fixtureSpec("meanwhile", "steady", { instance: 0 });
    assert.equal((await small.api("POST", "/api/v2/services", meanwhile)).status, 200);
    fill();
    // The control process may die just then: the next one says why it cannot start, and gateways and instances go on.
    await small.killControl();
    await assert.rejects(small.startControl(), /the disk of the home is full/);
    assert.equal((await small.predict("before", "x", token)).status, 200);
    rmSync(filler);
    await small.startControl();
    assert.equal((await small.service("meanwhile")).TotalInstance, 0);
    await small.untilRunning("before");
    assert.equal((await small.predict("before", "x", token)).status, 200);
    assert.equal((await small.api("POST", "/api/v2/services", fixtureSpec("after", "steady"))).status, 200);
  } finally {
    // Processes first, then the mount: a mounted folder cannot be removed.
    await small.stop().catch(() => undefined);
    spawnSync("umount", ["-l", small.home]);
    rmSync(small.home, { recursive: true, force: true });
  }
});
