/** Checks of programs of the user's own, and how their ends are told: real servers, watched by the real process. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { HealthSpec, Probe, ProbeAction } from "../../core/health/probe.ts";
import type { CommandSpec, InstanceSpec } from "../../core/instance-spec.ts";
import type { InstanceReport } from "../../ports/runtime.ts";
import { instanceSpecOf } from "../../testing/runtime-conformance.ts";
import { ProcessDriver } from "./driver.ts";

const never = new AbortController().signal;
const MAIN = join(import.meta.dirname, "..", "..", "main.ts");
let home: string;
let driver: ProcessDriver;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "sluice-run-"));
  driver = new ProcessDriver({
    runDir: join(home, "run"),
    logDir: join(home, "logs"),
    engineCommand: (folder, logFile) => [process.execPath, MAIN, "engine", "--dir", folder, "--log", logFile],
    now: Date.now,
  });
});
afterEach(async () => {
  for (const { spec } of await driver.list()) await driver.stop(spec.id, 0, never);
  rmSync(home, { recursive: true, force: true });
});

/** Answers /health with the status that stands in the file `status`, which is read each time; 200 without it. */
const SERVER = `
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status = int(open("status").read()) if os.path.exists("status") else 200
        self.send_response(status); self.end_headers()
    def log_message(self, *a): pass
print("serving", flush=True)
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()`;

const HEALTH: ProbeAction = { kind: "http", scheme: "http", path: "/health", port: null };
/** As quick as checks can be; a timeout is never reached by a server that answers, also on a busy machine. */
const probe = (action: ProbeAction, more: Partial<Probe> = {}): Probe => ({
  action,
  initialDelayMs: 0,
  periodMs: 1000,
  timeoutMs: 60_000,
  successThreshold: 1,
  failureThreshold: 1,
  ...more,
});

function specOf(health: HealthSpec, text = SERVER): InstanceSpec {
  const argv = ["python3", "-c", text];
  const processor: CommandSpec = { kind: "command", argv, port: 1, env: [], dir: null, health };
  return { ...instanceSpecOf("a", 0), processor };
}

const folder = () => join(home, "run", "instances", "a-v1-0");
const set = (file: string, text: string) => writeFileSync(join(folder(), file), text);
const isPhase = (phase: string) => (r: InstanceReport | undefined) => r?.state?.phase === phase;
const isDead = (r: InstanceReport | undefined) => r?.isAlive === false;

/** Looked at every now and then: some of these checks take their time, and others need the machine. */
async function when(isSo: (r: InstanceReport | undefined) => boolean): Promise<InstanceReport> {
  const end = performance.now() + 120_000;
  for (;;) {
    const [report] = await driver.list();
    if (report !== undefined && isSo(report)) return report;
    assert.ok(performance.now() < end, `not so in time: ${JSON.stringify(report)}`);
    await delay(20);
  }
}
const commandPid = () => JSON.parse(readFileSync(join(folder(), "command.json"), "utf8")).pid as number;

test("a failing readiness check makes it unready and not dead; good again, it is ready again", async () => {
  await driver.start(specOf({ readiness: probe(HEALTH) }), never);
  await when(isPhase("ready"));
  const pid = commandPid();
  for (let i = 0; i < 2; i++) {
    set("status", "503");
    const { state } = await when(isPhase("unready"));
    assert.equal(state?.message, "the readiness check is not good: GET /health was answered with 503");
    set("status", "204");
    await when(isPhase("ready"));
  }
  assert.equal(commandPid(), pid);
});

test("a startup check blocks readiness until it is good", async () => {
  const startup = probe({ kind: "exec", command: ["test", "-e", "started"] }, { failureThreshold: 1000 });
  await driver.start(specOf({ startup, readiness: probe(HEALTH) }), never);
  const { state } = await when((r) => /startup check is not good yet: /.test(r?.state?.message ?? ""));
  assert.equal(state?.phase, "loading");
  set("started", "");
  await when(isPhase("ready"));
});

test("a startup check that is never good ends it, with the reason and its last lines", async () => {
  const startup = probe({ kind: "exec", command: ["false"] }, { failureThreshold: 2 });
  await driver.start(specOf({ startup }), never);
  const { exit } = await when(isDead);
  assert.equal(exit?.reason, "Unhealthy");
  assert.equal(
    exit?.message,
    "the startup check failed 2 times in a row: the command ended with exit code 1",
  );
  assert.ok(exit.lastLines?.every((line) => line === "serving"));
});

test("what hangs fails its liveness check, and is ended although it hears no signal", async () => {
  // Nothing is counted before it listens, however slow the machine is.
  const startup = probe({ kind: "tcp", port: null }, { failureThreshold: 1000 });
  const liveness = probe(HEALTH, { failureThreshold: 4, timeoutMs: 2000 });
  await driver.start(specOf({ startup, liveness }), never);
  await when(isPhase("ready"));
  process.kill(commandPid(), "SIGSTOP");
  const { state } = await when(isPhase("unready"));
  const message = "the liveness check failed 4 times in a row: no answer within 2 s";
  assert.equal(state?.message, `${message}; it is ended`);
  const { exit } = await when(isDead);
  assert.deepEqual([exit?.reason, exit?.signal, exit?.message], ["Unhealthy", "SIGKILL", message]);
});

test("out of memory is said as such, with what it printed last", async () => {
  const text = `print("loading", flush=True)\nx = "x" * (4 << 30)`;
  await driver.start(specOf({}, text), never);
  const { exit } = await when(isDead);
  assert.deepEqual([exit?.code, exit?.reason], [1, "OOMKilled"]);
  assert.equal(exit?.lastLines?.at(0), "loading");
  assert.equal(exit?.lastLines?.at(-1), "MemoryError");
});

test("kill -9 is an error with its signal; the lines of an earlier run are not told again", async () => {
  const spec = specOf({}, `import time\nprint("once", flush=True)\n${SERVER}`);
  for (let i = 0; i < 2; i++) {
    await driver.start(spec, never);
    await when(isPhase("ready"));
    process.kill(commandPid(), "SIGKILL");
    const { exit } = await when(isDead);
    assert.deepEqual([exit?.code, exit?.signal, exit?.reason], [null, "SIGKILL", "Error"]);
    assert.deepEqual(exit?.lastLines, ["once", "serving"]);
    assert.ok(existsSync(join(folder(), "exit.json")));
  }
});
