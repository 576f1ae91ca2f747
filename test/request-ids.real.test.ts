/** One word finds a request in every log that it passed: what the CLI sends as X-Request-Id. And what is kept in a home that was used. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { after, before, test } from "node:test";
import { isHomeFile } from "../tools/home-files.ts";
import { http, Installation } from "./harness/installation.ts";
import { until } from "./harness/until.ts";

const UUID = /[0-9A-F]{8}-[0-9A-F]{4}-4[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}/;
const PROCESSOR = `
def process(data, headers):
    print("seen", headers["x-request-id"], flush=True)
    return str(1 // int(data))
`;

const sluice = new Installation({ gatewayWorkers: 1 });
sluice.flags = ["--access-log", "1", "--log-level", "debug"];
before(async () => {
  const folder = join(sluice.home, "code");
  mkdirSync(folder);
  writeFileSync(join(folder, "app.py"), PROCESSOR);
  // The setting of the file loses against the flag, and the port of the file against that of the harness.
  writeFileSync(join(sluice.home, "sluice.json"), '{"logLevel": "error", "region": "lab"}');
  await sluice.start();
  await sluice.json("POST", "/api/v2/services", {
    metadata: { name: "divide", instance: 1 },
    processor_type: "python",
    processor_path: folder,
    processor_entry: "app.py",
  });
  await until(
    async () => (await sluice.json("GET", "/api/v2/services/lab/divide")).Status === "Running",
    "divide to be running",
    60_000,
  );
});
after(() => sluice.stop());

/** Empty while it is not there: a log begins with its first line. */
const log = (...path: string[]) => {
  const file = join(sluice.home, "logs", ...path);
  return existsSync(file) ? readFileSync(file, "utf8") : "";
};
const untilIn = (text: string, ...path: string[]) =>
  until(
    () => log(...path).includes(text),
    `${text} in ${path.join("/")}`,
    20_000,
    () => log(...path),
  );
/** Of an id that was told once. */
const idIn = (text: string): string => {
  const id = UUID.exec(text)?.[0];
  assert.ok(id !== undefined, text);
  return id;
};

test("an id that the CLI tells stands in the log of the control process, of what went well and of what did not", async () => {
  const good = JSON.parse(await sluice.ok("--output", "json", "desc", "divide")).RequestId;
  await untilIn(`"requestId":"${good}"`, "control.log");
  const refused = await sluice.cli("desc", "nobody");
  assert.match(refused.stderr, /SERVICE_NOT_FOUND[\s\S]*\[RequestId\]: /);
  await untilIn(`"requestId":"${idIn(refused.stderr)}"`, "control.log");
  const refusedJson = JSON.parse((await sluice.cli("--output", "json", "desc", "nobody")).stderr);
  await untilIn(`"requestId":"${refusedJson.RequestId}"`, "control.log");
});

test("the id of a prediction goes through gateway, engine and processor, and back to who asked", async () => {
  const good = await sluice.cli("predict", "divide", "-d", "1", "-H", "X-Request-Id: order-66");
  assert.equal(good.stdout.trim(), "1", good.stderr);
  await untilIn('"order-66"', "access-gateway-0.log");
  await untilIn("seen order-66", "divide", "divide-v1-0.log");

  const bad = await sluice.cli("predict", "divide", "-d", "0");
  assert.equal(bad.code, 1);
  assert.match(bad.stderr, /PROCESSOR_REFUSED[\s\S]*ZeroDivisionError/);
  const id = idIn(bad.stderr);
  await untilIn(`"${id}"`, "access-gateway-0.log");
  await untilIn(`request ${id}:\n`, "divide", "divide-v1-0.log");
  assert.match(log("divide", "divide-v1-0.log"), new RegExp(`request ${id}:\\n[\\s\\S]*ZeroDivisionError`));
});

test("who is alive and who is ready is told without a key, and no more than that", async () => {
  const { address } = sluice.clientConfig();
  const ready = await http(`${address}/readyz`, { method: "GET" });
  assert.equal(ready.status, 200, ready.body);
  assert.deepEqual(
    JSON.parse(ready.body).Checks.map((c: { Name: string; IsOk: boolean }) => [c.Name, c.IsOk]),
    [
      ["store", true],
      ["loops", true],
      ["gateways", true],
    ],
  );
  assert.doesNotMatch(ready.body, /divide/);
  process.kill(sluice.pidOf("gateway-0"), "SIGSTOP");
  try {
    // A change makes a table that the gateway does not acknowledge; whoever was behind for 5 s is told.
    await sluice.json("PUT", "/api/v2/services/lab/divide/scale", { Instance: 0 });
    let last = "";
    await until(
      async () => {
        const answer = await http(`${address}/readyz`, { method: "GET" });
        last = answer.body;
        return answer.status === 503;
      },
      "a gateway that hangs to be told",
      60_000,
      () => last,
    );
    const { Code, Checks } = JSON.parse(last);
    assert.equal(Code, "NOT_READY");
    assert.deepEqual(
      Checks.filter((c: { IsOk: boolean }) => !c.IsOk).map((c: { Name: string }) => c.Name),
      ["gateways"],
    );
    assert.equal((await http(`${address}/healthz`, { method: "GET" })).status, 200);
  } finally {
    process.kill(sluice.pidOf("gateway-0"), "SIGCONT");
  }
  await until(
    async () => (await http(`${address}/readyz`, { method: "GET" })).status === 200,
    "to be ready again",
    60_000,
  );
  const listed = await sluice.ok("loops");
  for (const name of ["gateways", "route-table", "discovery", "service:divide"])
    assert.ok(listed.includes(name));
});

test("what a home holds is what docs/reference/config.md says", () => {
  const files = readdirSync(sluice.home, { recursive: true, encoding: "utf8" })
    .map((path) => relative(sluice.home, join(sluice.home, path)))
    .filter((path) => path !== "code" && !path.startsWith("code/"))
    .filter((path) => !statSync(join(sluice.home, path), { throwIfNoEntry: false })?.isDirectory());
  assert.ok(files.length > 10);
  assert.deepEqual(
    files.filter((path) => !isHomeFile(path)),
    [],
  );
});
