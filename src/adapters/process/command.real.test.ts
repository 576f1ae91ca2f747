/** Instances that are programs of the user's own: the real process that watches one, in the real run directory. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { FOLDER_VARIABLE } from "../../base/command-processes.ts";
import { isStartedWith, livingProcesses } from "../../base/process-identity.ts";
import type { CommandSpec, InstanceSpec } from "../../core/instance-spec.ts";
import type { InstanceId } from "../../core/names.ts";
import type { InstanceReport } from "../../ports/runtime.ts";
import {
  instanceSpecOf,
  type RuntimeUnderTest,
  reportWhen,
  testRuntimeConformance,
} from "../../testing/runtime-conformance.ts";
import { ProcessDriver } from "./driver.ts";

const never = new AbortController().signal;
const MAIN = join(import.meta.dirname, "..", "..", "main.ts");
let home: string;
let driver: ProcessDriver;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "sluice-run-"));
  driver = newDriver();
});
afterEach(closeAll);

function newDriver(): ProcessDriver {
  return new ProcessDriver({
    runDir: join(home, "run"),
    logDir: join(home, "logs"),
    engineCommand: (folder, logFile) => [process.execPath, MAIN, "engine", "--dir", folder, "--log", logFile],
    now: Date.now,
  });
}

async function closeAll(): Promise<void> {
  if (!existsSync(home)) return; // closed by the suite already
  for (const { spec } of await driver.list()) await driver.stop(spec.id, 0, never);
  const left = livingProcesses().filter(({ pid }) => ours(pid));
  for (const { pid } of left) process.kill(pid, "SIGKILL");
  rmSync(home, { recursive: true, force: true });
  assert.deepEqual(left, [], "nothing is left over");
}

const folderOf = (id: string) => join(home, "run", "instances", id);
const ours = (pid: number) => isStartedWith(pid, `${FOLDER_VARIABLE}=${folderOf("a-v1-0")}`);
const logOf = (id: string) => readFileSync(join(home, "logs", "a", `${id}.log`), "utf8");

/** A server in Python that says who it is; `where` is an expression for (host, port). */
const listening = (where = '("127.0.0.1", int(os.environ["PORT"]))', before = "") => `
import http.server, os, signal, socket, sys, time
${before}
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(str(os.getpid()).encode())
class Server(http.server.HTTPServer):
    address_family = socket.AF_INET6 if ":" in ${where}[0] else socket.AF_INET
Server(${where}, Handler).serve_forever()`;

const python = (text: string): Pick<CommandSpec, "argv"> => ({ argv: ["python3", "-c", text] });
const shell = (text: string): Pick<CommandSpec, "argv"> => ({ argv: ["/bin/sh", "-c", text] });

function specOf(command: Partial<CommandSpec>, slot = 0): InstanceSpec {
  const processor: CommandSpec = { kind: "command", argv: [], port: 1, env: [], dir: null, ...command };
  return { ...instanceSpecOf("a", slot), processor };
}

testRuntimeConformance("process, a command", async (): Promise<RuntimeUnderTest> => {
  const crash = async (id: InstanceId) => {
    const report = await reportWhen(driver, id, (r) => r?.state?.phase === "ready");
    process.kill(report?.pid as number, "SIGKILL");
  };
  const { processor } = specOf(python(listening()));
  return { driver, crash, close: closeAll, processor };
});

const isReady = (report: InstanceReport | undefined) => report?.state?.phase === "ready";
const isDead = (report: InstanceReport | undefined) => report?.isAlive === false;
const says = (text: RegExp) => (report: InstanceReport | undefined) =>
  text.test(report?.state?.message ?? "");

async function startReady(spec: InstanceSpec): Promise<InstanceReport> {
  await driver.start(spec, never);
  const report = await reportWhen(driver, spec.id, (r) => isReady(r) || isDead(r));
  assert.ok(report !== undefined && isReady(report), JSON.stringify(report));
  return report;
}

async function startAndSee(spec: InstanceSpec, isSo: (r: InstanceReport | undefined) => boolean) {
  await driver.start(spec, never);
  const report = await reportWhen(driver, spec.id, isSo);
  assert.ok(report !== undefined);
  return report;
}

async function answerOf({ address }: InstanceReport): Promise<string> {
  assert(address.kind === "tcp");
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return (await fetch(`http://${host}:${address.port}/`, { headers: { connection: "close" } })).text();
}

test("each instance has a port of its own, and is reached there", async () => {
  const reports = await Promise.all([0, 1, 2].map((slot) => startReady(specOf(python(listening()), slot))));
  assert.equal(new Set(reports.map((r) => JSON.stringify(r.address))).size, 3);
  const pids = await Promise.all(reports.map(answerOf));
  assert.equal(new Set(pids).size, 3);
  for (const { spec } of reports) assert.match(logOf(spec.id), /ready: listens on 127\.0\.0\.1:\d+\n/);
});

test("bound to all addresses, or to IPv6 loopback only, it is reached as well", async () => {
  for (const host of ["0.0.0.0", "::", "::1"]) {
    const report = await startReady(specOf(python(listening(`("${host}", int(os.environ["PORT"]))`))));
    assert.notEqual(await answerOf(report), "");
    await driver.stop(report.spec.id, 5000, never);
  }
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

test("what listens on the port of the spec instead is ready there, and people are told", async () => {
  const port = await freePort();
  const report = await startReady(specOf({ ...python(listening(`("127.0.0.1", ${port})`)), port }));
  assert.deepEqual(report.address, { kind: "tcp", host: "127.0.0.1", port });
  assert.match(report.state?.note ?? "", /not on the one in the variable PORT .* only one instance/);
});

test("a program that listens elsewhere, or nowhere, is not ready, and it is said why", async () => {
  const port = await freePort();
  await startAndSee(
    specOf(python(listening(`("127.0.0.1", ${port})`))),
    says(new RegExp(`listens on port ${port}: expected on port \\d+ \\(the variable PORT\\) or 1 `)),
  );
  await driver.stop("a-v1-0" as InstanceId, 5000, never);
  await startAndSee(specOf(shell("exec sleep 600")), says(/does not listen yet: expected on port \d+/));
});

test("another program on its port is not taken for it", async () => {
  const stranger = createServer().listen(0, "127.0.0.1");
  await new Promise((done) => stranger.once("listening", done));
  const { port } = stranger.address() as { port: number };
  let asked = 0;
  stranger.on("connection", (socket) => {
    asked += 1;
    socket.destroy();
  });
  try {
    const spec = specOf({ ...shell("exec sleep 600"), port });
    const report = await startAndSee(spec, says(/does not listen yet/));
    assert.equal(report.state?.phase, "loading");
    assert.equal(asked, 0);
  } finally {
    await new Promise((done) => stranger.close(done));
  }
});

test("one that ends at once: exit code, signal, last line; a program that is not there; a folder that is not", async () => {
  const exitOf = async (command: Partial<CommandSpec>) => {
    const { exit } = await startAndSee(specOf(command), isDead);
    return exit;
  };
  const coded = await exitOf(shell("echo starting; echo 'no model at /m' >&2; exit 3"));
  assert.deepEqual([coded?.code, coded?.signal, coded?.reason], [3, null, "Error"]);
  assert.equal(coded?.message, "the command ended before it was ready: no model at /m");
  const done = await exitOf(shell("echo all done"));
  assert.deepEqual([done?.code, done?.reason], [0, "Completed"]);
  assert.match(done?.message ?? "", /ended by itself before it was ready.*: all done$/);
  const killed = await exitOf(shell("kill -9 $$"));
  assert.deepEqual([killed?.code, killed?.signal], [null, "SIGKILL"]);
  const absent = await exitOf({ argv: ["/no/such/program"] });
  assert.match(absent?.message ?? "", /\/no\/such\/program/);
  const nowhere = await exitOf({ ...shell("true"), dir: "/no/such/folder" });
  assert.equal(nowhere?.reason, "StartFailed");
  assert.match(nowhere?.message ?? "", /\/no\/such\/folder .* is not there/);
});

test("variables reach the program, and stand in no command line and no log", async () => {
  const env = [{ name: "KEY", value: "s3cr3t-value" }];
  const before =
    'assert os.environ["KEY"] == "s3cr3t-value" and os.environ["PORT"] == os.environ["SLUICE_PORT"]';
  const { spec } = await startReady(specOf({ ...python(listening(undefined, before)), env }));
  const commands = livingProcesses().map(({ pid }) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8");
    } catch {
      return "";
    }
  });
  // This test's program has it in its text, to compare; nobody else has.
  assert.equal(
    commands.filter((c) => c.includes("s3cr3t-value") && !c.includes("assert os.environ")).length,
    0,
  );
  assert.ok(!logOf(spec.id).includes("s3cr3t-value"));
});

test("the folder is that of the spec; a file stands for its folder; the limit of memory is set", async () => {
  const file = join(import.meta.dirname, "command.real.test.ts");
  const before = `
assert os.getcwd() == ${JSON.stringify(import.meta.dirname)}, os.getcwd()
import resource
assert resource.getrlimit(resource.RLIMIT_DATA)[0] == 1000 << 20`;
  await startReady(specOf({ ...python(listening(undefined, before)), dir: file }));
});

/** Its shell and its server are two processes; a third has a session of its own, and a fourth has no environment. */
const FAMILY = (deaf: string) => `
${deaf}
setsid sleep 601 &
env -i /bin/sleep 602 &
python3 -c '${listening().replaceAll("'", '"')}'
echo never`;

test("stop ends all that the script started: by SIGTERM, and by force when the grace is over", async () => {
  for (const [deaf, graceMs] of [
    ["", 10_000],
    ["trap '' TERM", 50],
  ] as const) {
    const { spec } = await startReady(specOf(shell(FAMILY(deaf))));
    const session = JSON.parse(readFileSync(join(folderOf(spec.id), "command.json"), "utf8")).pid as number;
    const family = livingProcesses().filter((p) => p.session === session || ours(p.pid));
    assert.ok(family.length >= 4, `${family.length} processes`);
    await driver.stop(spec.id, graceMs, never);
    const living = new Set(livingProcesses().map((p) => `${p.pid}/${p.startTicks}`));
    assert.deepEqual(
      family.filter((p) => living.has(`${p.pid}/${p.startTicks}`)),
      [],
    );
    assert.ok(!existsSync(folderOf(spec.id)));
  }
});

test("requests that are answered when SIGTERM comes are answered to their end", async () => {
  const before = `
import threading
def slow(self):
    open("begun", "w").close()
    while not os.path.exists("go"): time.sleep(0.01)
    self.send_response(200); self.end_headers(); self.wfile.write(b"whole")
http.server.BaseHTTPRequestHandler.do_POST = slow
signal.signal(signal.SIGTERM, lambda *_: open("told", "w").close())`;
  const report = await startReady(specOf(python(listening(undefined, before))));
  assert(report.address.kind === "tcp");
  const url = `http://127.0.0.1:${report.address.port}/`;
  const answer = fetch(url, { method: "POST", headers: { connection: "close" } }).then((r) => r.text());
  const folder = folderOf(report.spec.id);
  const there = (name: string) => reportWhen(driver, report.spec.id, () => existsSync(join(folder, name)));
  await there("begun");
  const cut = new AbortController();
  const stopping = driver.stop(report.spec.id, 60_000, cut.signal);
  await there("told");
  const { writeFileSync } = await import("node:fs");
  writeFileSync(join(folder, "go"), "");
  assert.equal(await answer, "whole");
  cut.abort(new Error("seen enough")); // this program goes on after SIGTERM
  await assert.rejects(stopping);
});

test("a watcher that was killed: the next start and the stop end the command that it left", async () => {
  const spec = specOf(python(listening()));
  let report = await startReady(spec);
  for (const act of [() => driver.start(spec, never), () => driver.stop(spec.id, 1000, never)]) {
    const { pid, startTicks } = JSON.parse(readFileSync(join(folderOf(spec.id), "command.json"), "utf8"));
    process.kill(report.pid as number, "SIGKILL");
    const dead = await reportWhen(driver, spec.id, isDead);
    assert.match(dead?.exit?.message ?? "", /the process that watches the command was ended by SIGKILL/);
    const lives = () => livingProcesses().some((p) => p.pid === pid && p.startTicks === startTicks);
    assert.ok(lives(), "it still answers whoever was sent to it");
    await act();
    assert.ok(!lives());
    if (existsSync(folderOf(spec.id)))
      report = (await reportWhen(driver, spec.id, isReady)) as InstanceReport;
  }
});

test("one that stops listening is ready no more", async () => {
  const before = `
import threading
def stop(*_): os.close(listener)
signal.signal(signal.SIGUSR1, stop)`;
  const text = `${before.trimStart()}
import os, signal, socket, time
s = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
listener = s.fileno()
while True: time.sleep(1)`;
  const fixed = `import os, signal\n${text.replace("import threading\n", "")}`;
  const report = await startReady(specOf(python(fixed)));
  const { pid } = JSON.parse(readFileSync(join(folderOf(report.spec.id), "command.json"), "utf8"));
  process.kill(pid, "SIGUSR1");
  const after = await reportWhen(driver, report.spec.id, (r) => r?.state?.phase === "unready");
  assert.match(after?.state?.message ?? "", /does not listen yet/);
});
