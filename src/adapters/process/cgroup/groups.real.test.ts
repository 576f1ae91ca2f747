/**
 * Instances in the control groups of this machine, as far as it has them for us: what cannot be had is skipped and says why.
 * SLUICE_TEST_CGROUPS names a group to make theirs in, where `auto` finds none (see the setting `cgroups`).
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, type TestContext, test } from "node:test";
import type { InstanceSpec, LimitSpec } from "../../../core/instance-spec.ts";
import type { InstanceReport } from "../../../ports/runtime.ts";
import { instanceSpecOf, reportWhen } from "../../../testing/runtime-conformance.ts";
import { ProcessDriver } from "../driver.ts";
import { ownGroupParents } from "./group-parents.ts";
import type { Controller } from "./hierarchies.ts";
import { InstanceGroups } from "./instance-groups.ts";

const never = new AbortController().signal;
const MAIN = join(import.meta.dirname, "..", "..", "..", "main.ts");
const PIDS_MAX = 60;
const SETTING = process.env.SLUICE_TEST_CGROUPS ?? "auto";
let home: string;
let installation: string;
let groups: InstanceGroups;
let driver: ProcessDriver;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "sluice-run-"));
  installation = `test-${basename(home)}`;
  [groups, driver] = newLife();
});

afterEach(async () => {
  for (const { spec } of await driver.list()) await driver.stop(spec.id, 0, never);
  for (const name of groups.instances()) await groups.end(name);
  groups.close();
  rmSync(home, { recursive: true, force: true });
  for (const dir of parentDirs()) assert.equal(existsSync(join(dir, `sluice-${installation}`)), false);
});

/** What a control process has, made anew: as after its restart. */
function newLife(): [InstanceGroups, ProcessDriver] {
  const options = { installation, pidsMax: PIDS_MAX, cores: 2 };
  const own = new InstanceGroups(ownGroupParents(SETTING, installation), options);
  const driver = new ProcessDriver({
    runDir: join(home, "run"),
    logDir: join(home, "logs"),
    engineCommand: (folder, logFile) => [process.execPath, MAIN, "engine", "--dir", folder, "--log", logFile],
    now: Date.now,
    groups: own,
  });
  return [own, driver];
}

const parentDirs = () => [...ownGroupParents(SETTING, installation).parents.values()].map((p) => p.dir);

/** The group of an instance for one controller; skips the test where there is none. */
function groupOf(t: TestContext, controller: Controller, id: string): string | null {
  const { parents, missing } = ownGroupParents(SETTING, installation);
  const parent = parents.get(controller);
  if (parent !== undefined) return join(parent.dir, `sluice-${installation}`, id);
  t.skip(missing.get(controller) ?? "");
  return null;
}

const SERVER = `
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"here")
        if self.path == "/bomb":
            held = []
            while True: held.append(bytearray(os.urandom(1)) * (8 << 20))
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()`;

function commandSpec(slot: number, text: string, limits: Partial<LimitSpec> = {}): InstanceSpec {
  const argv = ["python3", "-c", text];
  return {
    ...instanceSpecOf("a", slot),
    processor: { kind: "command", argv, port: 1, env: [], dir: null },
    limits: { cpu: 1, memoryMb: 128, ...limits },
  };
}

const isReady = (report: InstanceReport | undefined) => report?.state?.phase === "ready";
const isDead = (report: InstanceReport | undefined) => report?.isAlive === false;

async function startReady(spec: InstanceSpec): Promise<InstanceReport> {
  await driver.start(spec, never);
  const report = await reportWhen(driver, spec.id, (r) => isReady(r) || isDead(r));
  assert.ok(report !== undefined && isReady(report), JSON.stringify(report));
  return report;
}

async function answerOf({ address }: InstanceReport, path = "/"): Promise<string> {
  assert(address.kind === "tcp");
  const url = `http://${address.host}:${address.port}${path}`;
  return (await fetch(url, { headers: { connection: "close" } })).text();
}

const membersOf = (dir: string) =>
  readFileSync(join(dir, "cgroup.procs"), "utf8").split("\n").filter(Boolean);
const numberIn = (file: string, name: string) =>
  Number(new RegExp(`^${name} (\\d+)$`, "m").exec(readFileSync(file, "utf8"))?.[1] ?? Number.NaN);

async function until(isSo: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 60_000;
  while (!isSo()) {
    assert.ok(performance.now() < end, `waited in vain for ${what}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

test("an instance and what it starts are in its groups from the first instruction on; the groups go with it", async (t) => {
  const spec = commandSpec(0, SERVER);
  const dir = groupOf(t, "pids", spec.id);
  if (dir === null) return;
  const report = await startReady(spec);
  const leader = JSON.parse(readFileSync(join(home, "run", "instances", spec.id, "command.json"), "utf8"));
  assert.deepEqual(new Set(membersOf(dir)), new Set([String(report.pid), String(leader.pid)]));
  assert.equal(readFileSync(join(dir, "pids.max"), "utf8").trim(), String(PIDS_MAX));
  assert.deepEqual(report.limits, groups.inForce);
  await driver.stop(spec.id, 5000, never);
  assert.equal(existsSync(dir), false);
});

test("one that never stops forking is held to its number of processes, beside one that goes on", async (t) => {
  const bomb = commandSpec(
    0,
    `
import os, time
print("begins", flush=True)
while True:
    try:
        if os.fork() == 0:
            os.setsid(); time.sleep(1000)
    except OSError:
        print("refused", flush=True); time.sleep(1000)`,
  );
  const dir = groupOf(t, "pids", bomb.id);
  if (dir === null) return;
  const neighbour = await startReady(commandSpec(1, SERVER));
  await driver.start(bomb, never);
  const log = join(home, "logs", "a", `${bomb.id}.log`);
  await until(() => readFileSync(log, "utf8").includes("refused"), "the kernel to refuse a process");
  assert.ok(Number(readFileSync(join(dir, "pids.current"), "utf8")) <= PIDS_MAX);
  assert.equal(await answerOf(neighbour), "here");
  await driver.stop(bomb.id, 0, never);
  assert.equal(existsSync(dir), false, "what left its session is gone, too");
  assert.equal(await answerOf(neighbour), "here");
});

test("one that takes all it gets is held to the cores that its spec asks for", async (t) => {
  const spec = commandSpec(0, "while True: pass", { cpu: 0.1, isCpuAsked: true });
  const dir = groupOf(t, "cpu", spec.id);
  if (dir === null) return;
  await driver.start(spec, never);
  const stat = join(dir, "cpu.stat");
  await until(() => numberIn(stat, "nr_periods") >= 100, "a hundred periods of 100 ms");
  assert.ok(numberIn(stat, "nr_throttled") >= 10, readFileSync(stat, "utf8"));
  // Of a hundred periods with a whole core it would have had 10 s; a tenth of it is 1 s, and the band is wide.
  const usedMs = membersOf(dir).reduce((sum, pid) => sum + cpuMsOf(pid), 0);
  const periods = numberIn(stat, "nr_periods");
  assert.ok(usedMs < periods * 30, `${usedMs} ms in ${periods} periods`);
});

/** User and system time of a process, in ms; the clock of proc_pid_stat(5) ticks every 10 ms. */
function cpuMsOf(pid: string): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

test("nobody asked for cores: it has a share, and no limit", async (t) => {
  const spec = commandSpec(0, SERVER, { isCpuAsked: false });
  const dir = groupOf(t, "cpu", spec.id);
  if (dir === null) return;
  await startReady(spec);
  const version1 = join(dir, "cpu.cfs_quota_us");
  const text = readFileSync(existsSync(version1) ? version1 : join(dir, "cpu.max"), "utf8");
  assert.match(text, /^(-1$|max )/m);
});

test("a new control process finds the groups of an old one, and removes those of instances that are gone", async (t) => {
  const spec = commandSpec(0, SERVER);
  const dir = groupOf(t, "pids", spec.id);
  if (dir === null) return;
  const before = await startReady(spec);
  // Its run folder was removed, then the control process was killed.
  const gone = join(dir, "..", "a-v1-7");
  const { command } = groups.enter("a-v1-7", spec.limits, ["sleep", "1000"]);
  const stray = spawn(command[0] as string, command.slice(1), { stdio: "ignore" });
  const ended = once(stray, "exit");
  await until(() => membersOf(gone).includes(String(stray.pid)), "the stray to be in its group");
  [groups, driver] = newLife();
  await driver.sweep();
  assert.deepEqual(await ended, [null, "SIGKILL"]);
  assert.equal(existsSync(gone), false);
  const [after] = await driver.list();
  assert.deepEqual([after?.pid, after?.limits], [before.pid, before.limits]);
  assert.equal(await answerOf(before), "here");
  await driver.stop(spec.id, 5000, never);
  assert.equal(existsSync(dir), false);
});

test("a program that cannot be started leaves no group behind", async (t) => {
  const spec = instanceSpecOf("b", 0);
  if (groupOf(t, "pids", spec.id) === null) return;
  const options = { runDir: join(home, "run"), logDir: join(home, "logs"), now: Date.now, groups };
  const other = new ProcessDriver({ ...options, engineCommand: () => ["/nowhere/at/all"] });
  await other.start(spec, never); // the shell was started; what it should become was not
  const report = await reportWhen(other, spec.id, isDead);
  assert.deepEqual([report?.exit?.code, report?.exit?.reason], [127, "Error"]);
  await other.stop(spec.id, 0, never);
  assert.deepEqual(groups.instances(), []);
});

test("a command that uses up its memory ends alone, and why is told", async (t) => {
  const bomb = commandSpec(0, SERVER);
  if (groupOf(t, "memory", bomb.id) === null) return;
  const neighbour = await startReady(commandSpec(1, SERVER));
  const report = await startReady(bomb);
  await answerOf(report, "/bomb").catch(() => {});
  const dead = await reportWhen(driver, bomb.id, isDead);
  assert.equal(dead?.exit?.reason, "OOMKilled");
  assert.match(dead?.exit?.message ?? "", /used up its memory, 128 MB/);
  assert.equal(await answerOf(neighbour), "here");
  await driver.start(bomb, never);
  assert.ok(isReady(await reportWhen(driver, bomb.id, isReady)), "and it starts again");
});

test("a processor in Python that uses up its memory ends alone, and why is told", async (t) => {
  const dir = mkdtempSync(join(home, "code-"));
  writeFileSync(
    join(dir, "app.py"),
    "import threading\ndef eat():\n    held = []\n    while True: held.append(bytearray(b'x') * (8 << 20))\ndef process(data, headers):\n    return data\nthreading.Timer(0.5, eat).start()\n",
  );
  const processor = { kind: "custom", language: "python", dir, entry: "app.py" } as const;
  const bomb = { ...instanceSpecOf("b", 0), processor, limits: { cpu: 1, memoryMb: 128 } };
  if (groupOf(t, "memory", bomb.id) === null) return;
  const neighbour = await startReady(commandSpec(1, SERVER));
  await driver.start(bomb, never);
  const dead = await reportWhen(driver, bomb.id, isDead);
  assert.equal(dead?.exit?.reason, "OOMKilled");
  assert.equal(await answerOf(neighbour), "here");
});
