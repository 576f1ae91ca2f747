/** HTTPS as the guide tells it, on a Sluice of the test's own: its commands, renewal under load with two workers, restarts, refusals. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { connect } from "node:tls";
import { makeCertificate } from "./harness/certificates.ts";
import { Installation, ROOT } from "./harness/installation.ts";
import { ConstantLoad, failures } from "./harness/load.ts";
import { fixtureSpec } from "./harness/specs.ts";
import { until } from "./harness/until.ts";

const RATE_PER_SECOND = 100;
/** Where the guide's commands run. */
const folder = mkdtempSync(join(tmpdir(), "sluice-tls-"));
const file = (name: string) => join(folder, "tls", name);
const [make, , call, renew, list] = [
  ...readFileSync(join(ROOT, "docs", "guide", "tls.md"), "utf8").matchAll(/^```sh\n([\s\S]*?)^```$/gm),
].map((match) => match[1]!);
const sluice = new Installation({ gatewayWorkers: 2 });
let token: string;
let port: number;
/** Certificates that clients of the test trust. */
const trusted: string[] = [];

before(async () => {
  await run(make!);
  trusted.push(readFileSync(file("tls.crt"), "utf8"));
  sluice.flags = ["--tls-cert", file("tls.crt"), "--tls-key", file("tls.key"), "--tls-port", "0"];
  await sluice.start();
  port = Number(/with TLS +https:\/\/127\.0\.0\.1:(\d+)/.exec(sluice.controlOutput)?.[1]);
  const spec = join(sluice.home, "service.json");
  writeFileSync(spec, JSON.stringify(fixtureSpec("steady", "steady", {}, { model_config: "one" })));
  await sluice.ok("create", spec);
  token = (await sluice.service("steady")).AccessToken;
});
after(async () => {
  await sluice.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function run(script: string, more: NodeJS.ProcessEnv = {}): Promise<string> {
  const env = { ...sluice.env(), PATH: `${join(ROOT, "bin")}:${process.env.PATH}`, ...more };
  const child = spawn("sh", ["-eu", "-c", script], { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += String(chunk)));
  const code = await new Promise<number | null>((done) => child.on("close", done));
  assert.equal(code, 0, `${script}\n${output}`);
  return output;
}

interface Worker {
  readonly Pid: number;
  readonly IsListening: boolean;
  readonly Tls: {
    readonly Port: number | null;
    readonly Fingerprint: string | null;
    readonly Problem: string | null;
  } | null;
}
const workers = async () => (await sluice.json("GET", "/api/v2/internal/gateways")).Gateways as Worker[];
const untilShown = (cert: string) =>
  until(
    async () => {
      const { fingerprint256 } = new X509Certificate(cert);
      return (await workers()).every((w) => w.Tls?.Port === port && w.Tls.Fingerprint === fingerprint256);
    },
    "all workers to show the certificate",
    30_000,
  );

/** Name in the certificate that a new connection is shown. */
async function shownName(): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port, servername: "localhost", ca: trusted });
  await new Promise<void>((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
  const name = String(socket.getPeerCertificate().subject.CN);
  socket.destroy();
  return name;
}

function startLoad(connections: "kept" | "new"): ConstantLoad {
  const url = `https://localhost:${port}/api/predict/steady`;
  const load = new ConstantLoad({ url, token, body: "x", ca: trusted }, RATE_PER_SECOND, connections);
  load.start();
  return load;
}
const answered = async (load: ConstantLoad, count: number) => {
  const goal = load.outcomes.length + count;
  await until(() => load.outcomes.length >= goal, `${count} more answers`, 30_000);
};

test("the guide's call is answered over TLS, and the list shows port and certificate", async () => {
  const command = call!.replace("SERVICE", "steady").replace("8443", String(port));
  assert.match(await run(command.replace("curl", "curl -sS"), { TOKEN: token }), /^one .*\[1\]$/);
  const shown = await run(list!);
  assert.match(shown, /TLS PORT/);
  assert.equal(shown.match(new RegExp(`\\b${port}\\b.*CN=localhost`, "g"))?.length, 2, shown);
});

test("renewed by the guide's commands under load: nothing fails, every worker shows the new one", async (t) => {
  const loads = [startLoad("kept"), startLoad("new")];
  t.after(() => Promise.all(loads.map((load) => load.stop())));
  for (const load of loads) await answered(load, RATE_PER_SECOND / 2);
  // Clients of before trust the new one already, as with certificates of one authority.
  const made = renew!.split("mv tls/new.key")[0]!;
  await run(made);
  trusted.push(readFileSync(file("new.crt"), "utf8"));
  for (const load of loads) await load.stop();
  const next = [startLoad("kept"), startLoad("new")];
  t.after(() => Promise.all(next.map((load) => load.stop())));
  for (const load of next) await answered(load, RATE_PER_SECOND / 2);
  await run(renew!.slice(made.length));
  await untilShown(trusted[1]!);
  assert.equal(await shownName(), "renewed");
  for (const load of next) await answered(load, RATE_PER_SECOND / 2);
  for (const load of [...loads, ...next]) {
    const outcomes = await load.stop();
    assert.deepEqual(failures(outcomes), {}, `of ${outcomes.length}`);
  }
});

test("a pair that does not fit is named in the list, and a restart of the workers does not lose TLS over it", async (t) => {
  const good = readFileSync(file("tls.key"));
  t.after(() => writeFileSync(file("tls.key"), good));
  const old = (await workers()).map((w) => w.Pid);
  writeFileSync(file("tls.key"), makeCertificate().key);
  await until(
    async () => (await workers()).every((w) => w.Tls?.Problem != null),
    "the problem to be told",
    30_000,
  );
  assert.match((await sluice.cli("gateways", "ls")).stderr, /the key does not belong to the certificate/);
  await sluice.json("PUT", "/api/v2/internal/gateways/restart");
  // A successor is up and serves the plain port; TLS stays with those that have the certificate in memory.
  await until(
    async () => (await workers()).some((w) => !old.includes(w.Pid) && w.IsListening && w.Tls?.Port === null),
    "a successor without a certificate",
    30_000,
  );
  assert.equal(await shownName(), "renewed");
  assert.ok(
    old.every((pid) => sluice.processes().some((p) => p.identity.pid === pid)),
    "the old ones live",
  );
  writeFileSync(file("tls.key"), good);
  await until(
    async () => {
      const now = await workers();
      return now.length === 2 && now.every((w) => !old.includes(w.Pid) && w.Tls?.Port === port);
    },
    "the restart to come to its end",
    60_000,
  );
  assert.equal(await shownName(), "renewed");
});

test("a restart of all workers under TLS load, and a killed control process", async (t) => {
  const load = startLoad("kept");
  t.after(() => load.stop());
  await answered(load, RATE_PER_SECOND / 2);
  const old = (await workers()).map((w) => w.Pid);
  await sluice.ok("gateways", "restart");
  await until(
    async () => (await workers()).length === 2 && (await workers()).every((w) => !old.includes(w.Pid)),
    "the old workers to be gone", // they wait for idle connections, for 90 s at most
    120_000,
  );
  await answered(load, RATE_PER_SECOND / 2);
  const living = (await workers()).map((w) => w.Pid);
  await sluice.killControl();
  await answered(load, RATE_PER_SECOND / 2);
  await sluice.startControl();
  assert.match(sluice.controlOutput, new RegExp(`https://127\\.0\\.0\\.1:${port}\n`), "the same port");
  await untilShown(trusted[1]!);
  assert.deepEqual((await workers()).map((w) => w.Pid).sort(), living.sort(), "the same workers");
  const outcomes = await load.stop();
  // A kept connection may be closed as idle just when its client sends (gateway-restart.real.test.ts).
  assert.ok(outcomes.filter((o) => o.status !== 200).length <= 3, JSON.stringify(failures(outcomes)));
});

test("serve refuses what TLS cannot use, naming setting or file", async () => {
  mkdirSync(file("bad"));
  cpSync(file("tls.crt"), file("bad/tls.crt"));
  writeFileSync(file("bad/tls.key"), makeCertificate().key);
  const bad = (...flags: string[]) =>
    sluice.cli("serve", "--home", join(folder, "home"), "--port", "0", ...flags);
  const cert = ["--tls-cert", file("bad/tls.crt")];
  for (const [flags, text] of [
    [cert, /--tls-cert was given without --tls-key \(SLUICE_TLS_KEY\)/],
    [["--tls-key", file("tls.key")], /--tls-key was given without --tls-cert/],
    [[...cert, "--tls-key", file("bad/tls.key")], /tls\.key: the key does not belong to the certificate in/],
    [[...cert, "--tls-key", file("bad/none")], /none: there is no such file/],
    [["--tls-cert", folder, "--tls-key", file("tls.key")], /is no ordinary file|is a folder/],
    [["--tls-port", "70000", ...cert], /--tls-port: found "70000"/],
    [["--port", "8443", ...cert, "--tls-key", file("tls.key")], /--tls-port and --port are both 8443/],
  ] as const) {
    const { code, stderr } = await bad(...flags);
    assert.match(stderr, text);
    assert.match(stderr, /^\[ERROR\] [^\n]*\n$/, "one line, no stack");
    assert.notEqual(code, 0);
  }
});
