/** The control process as a program: one a home, ports, homes that cannot be used, signals, secrets. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Installation, ROOT } from "./harness/installation.ts";
import { fixtureSpec } from "./harness/specs.ts";
import { until } from "./harness/until.ts";

const SLUICE = join(ROOT, "bin", "sluice");
const sluice = new Installation({ gatewayWorkers: 1 });
before(() => sluice.start());
after(() => sluice.stop());

/** Runs `sluice serve` where it has to refuse, and gives what it said. */
function refusedServe(args: readonly string[], env: Record<string, string> = {}): string {
  const result = spawnSync(SLUICE, ["serve", ...args], {
    encoding: "utf8",
    timeout: 20_000,
    env: { ...process.env, ...env },
  });
  assert.equal(result.status, 1, `${result.stdout}${result.stderr}`);
  return result.stderr;
}

test("a second serve on the same home is refused with the pid of the first", () => {
  const said = refusedServe(["--home", sluice.home, "--port", "0", "--api-port", "0"]);
  assert.match(
    said,
    new RegExp(
      `another sluice serve runs on .*: pid ${JSON.parse(readFileSync(join(sluice.home, "run", "control.json"), "utf8")).pid}`,
    ),
  );
});

test("a taken port is named, with the flag that chooses another", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  const port = String((server.address() as { port: number }).port);
  const other = new Installation();
  try {
    assert.match(
      refusedServe(["--home", other.home, "--port", port, "--api-port", "0"]),
      new RegExp(`127.0.0.1:${port}: the port is taken.*--port`),
    );
    assert.match(
      refusedServe(["--home", other.home, "--port", "0", "--api-port", port]),
      new RegExp(`127.0.0.1:${port}: the port is taken.*--api-port`),
    );
    // Gateways of another installation share their port among themselves only.
    const taken = new URL(sluice.clientConfig().gateway).port;
    assert.match(
      refusedServe(["--home", other.home, "--port", taken, "--api-port", "0"]),
      /the port is taken/,
    );
  } finally {
    server.close();
    rmSync(other.home, { recursive: true });
  }
});

test("a home that cannot be written is refused by name", () => {
  const file = join(sluice.home, "a-file");
  writeFileSync(file, "");
  assert.match(refusedServe(["--home", join(file, "below"), "--port", "0", "--api-port", "0"]), /a-file/);
});

test("a home too deep for unix sockets is refused, with the limit", () => {
  const deep = join(sluice.home, "d".repeat(120));
  mkdirSync(deep);
  assert.match(refusedServe(["--home", deep, "--port", "0", "--api-port", "0"]), /107/);
});

test("an address for direct clients that this machine does not have is refused by name", () => {
  const home = join(sluice.home, "other");
  // Of a net that is kept for documents (RFC 5737), so nobody's.
  const flags = ["--home", home, "--port", "0", "--api-port", "0", "--direct-host", "203.0.113.9"];
  assert.match(refusedServe(flags), /instances cannot listen on 203\.0\.113\.9.*--direct-host/);
});

test("settings of the wrong form are misuse, and say what is allowed", () => {
  const result = spawnSync(SLUICE, ["serve", "--port", "http"], { encoding: "utf8" });
  assert.equal(result.status, 2);
  assert.match(result.stderr, /--port: found "http", allowed: a whole number from 0 to 65535/);
  const byEnv = spawnSync(SLUICE, ["serve"], {
    encoding: "utf8",
    env: { ...process.env, SLUICE_GATEWAY_WORKERS: "0" },
  });
  assert.equal(byEnv.status, 2);
  assert.match(byEnv.stderr, /SLUICE_GATEWAY_WORKERS: found "0", allowed: a whole number from 1 to 256/);
});

test("secrets are readable by their owner only, and stand in no log and no process list", async () => {
  for (const path of ["config.json", "data/access-key.json", "data/sluice.db"]) {
    assert.equal(statSync(join(sluice.home, path)).mode & 0o077, 0, path);
  }
  await sluice.json(
    "POST",
    "/api/v2/services",
    fixtureSpec("secretive", "steady", {}, { token: "sesame-1234567890" }),
  );
  await sluice.untilRunning("secretive");
  assert.equal(
    statSync(join(sluice.home, "run", "instances", "secretive-v1-0", "spec.json")).mode & 0o077,
    0,
  );
  await sluice.predict("secretive", "x", "sesame-1234567890");
  const secrets = ["sesame-1234567890", sluice.clientConfig().key];
  const logs = spawnSync("grep", ["-rlF", ...secrets.flatMap((s) => ["-e", s]), join(sluice.home, "logs")], {
    encoding: "utf8",
  }).stdout;
  assert.equal(logs, "");
  const commandLines = spawnSync("ps", ["-eo", "args"], { encoding: "utf8" })
    .stdout.split("\n")
    .filter((l) => !l.startsWith("grep"));
  for (const secret of secrets) assert(!commandLines.some((line) => line.includes(secret)));
  assert(!sluice.controlOutput.includes(secrets[0]!) && !sluice.controlOutput.includes(secrets[1]!));
  await sluice.ok("delete", "secretive", "-y");
});

test("every answer of the API has a RequestId, refusals too", async () => {
  const { address } = sluice.clientConfig();
  const without = await fetch(`${address}/api/v2/services`);
  assert.equal(without.status, 401);
  const body = (await without.json()) as Record<string, string>;
  assert.match(body.RequestId!, /^[0-9A-F-]{36}$/);
  assert.equal(body.Code, "UNAUTHORIZED");
  const missing = await sluice.api("GET", "/api/v2/nothing");
  assert.equal(missing.status, 404);
  assert.match(missing.body, /"RequestId":"[0-9A-F-]{36}"/);
});

test("SIGTERM takes everything down, and what was wanted is there at the next start", async () => {
  const other = new Installation({ gatewayWorkers: 1 });
  try {
    await other.start();
    await other.json("POST", "/api/v2/services", fixtureSpec("kept", "steady"));
    await other.untilRunning("kept");
    const child = other.control!;
    child.kill("SIGTERM");
    await until(
      () => child.exitCode !== null,
      "serve to end",
      30_000,
      () => other.controlOutput,
    );
    assert.equal(child.exitCode, 0, other.controlOutput);
    assert.deepEqual(other.processes(), []);
    assert(!existsSync(join(other.home, "run", "control.json")));
    await other.startControl();
    await other.untilRunning("kept");
  } finally {
    await other.stop();
  }
});

test("a second SIGTERM does not wait for what is in flight", async () => {
  const other = new Installation({ gatewayWorkers: 1 });
  try {
    await other.start();
    await other.json("POST", "/api/v2/services", fixtureSpec("long", "slow", { "rpc.keepalive": 60_000 }));
    await other.untilRunning("long");
    const token = (await other.service("long")).AccessToken as string;
    const held = other.predict("long", "25000", token).then(
      (answer) => `${answer.status}`,
      (error: NodeJS.ErrnoException) => `${error.code}`,
    );
    const inFlight = async () => {
      const { Seconds } = await other
        .json("GET", "/api/v2/internal/gateways")
        .then((g) => ({ Seconds: g.Gateways }));
      return Seconds[0].Connections >= 1;
    };
    await until(inFlight, "the request to be in flight");
    const child = other.control!;
    const asked = performance.now();
    child.kill("SIGTERM");
    await until(() => other.controlOutput.includes("draining"), "serve to drain");
    assert.equal(child.exitCode, null);
    child.kill("SIGTERM");
    await until(
      () => child.exitCode !== null,
      "serve to end",
      10_000,
      () => other.controlOutput,
    );
    assert(performance.now() - asked < 10_000);
    assert.deepEqual(other.processes(), []);
    assert.notEqual(await held, "200");
  } finally {
    await other.stop();
  }
});

test("help answers without a server, and an unreachable server is named with the command that starts it", async () => {
  assert.equal(spawnSync(SLUICE, ["--help"], { encoding: "utf8", cwd: "/" }).status, 0);
  const lonely = new Installation();
  try {
    const result = await lonely.cli("ls");
    assert.equal(result.code, 1);
    assert.match(result.stderr, /sluice serve/);
  } finally {
    rmSync(lonely.home, { recursive: true, force: true });
  }
});
