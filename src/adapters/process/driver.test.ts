import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { readStartTicks } from "../../base/process-identity.ts";
import type { InstanceId } from "../../core/names.ts";
import type { InstanceReport } from "../../ports/runtime.ts";
import {
  instanceSpecOf,
  type RuntimeUnderTest,
  reportWhen,
  testRuntimeConformance,
} from "../../testing/runtime-conformance.ts";
import { ProcessDriver } from "./driver.ts";
import { SOCKET_PATH_BYTES_MAX } from "./run-folder.ts";

const never = new AbortController().signal;
const FAKE_ENGINE = join(import.meta.dirname, "fixtures", "fake-engine.mjs");
let home: string;
let drivers: ProcessDriver[];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "sluice-run-"));
  drivers = [];
});
afterEach(closeAll);

async function closeAll(): Promise<void> {
  for (const driver of drivers.splice(0)) {
    for (const { spec } of await driver.list()) await driver.stop(spec.id, 0, never);
  }
  rmSync(home, { recursive: true, force: true });
}

function newDriver(options: Partial<ConstructorParameters<typeof ProcessDriver>[0]> = {}): ProcessDriver {
  const driver = new ProcessDriver({
    runDir: join(home, "run"),
    logDir: join(home, "logs"),
    engineCommand: (folder, logFile) => [process.execPath, FAKE_ENGINE, folder, logFile],
    now: Date.now,
    ...options,
  });
  drivers.push(driver);
  return driver;
}

testRuntimeConformance("process", async (): Promise<RuntimeUnderTest> => {
  const driver = newDriver();
  const crash = async (id: InstanceId) => {
    const report = (await driver.list()).find((r) => r.spec.id === id);
    process.kill(report?.pid as number, "SIGKILL");
  };
  return { driver, crash, close: closeAll };
});

const isReady = (report: InstanceReport | undefined) => report?.state?.phase === "ready";
const isDead = (report: InstanceReport | undefined) => report?.isAlive === false;
const folderOf = (id: string) => join(home, "run", "instances", id);

test("files are for the owner only, and the log gets what the engine prints", async () => {
  const driver = newDriver();
  const spec = instanceSpecOf("a", 0);
  await driver.start(spec, never);
  const report = await reportWhen(driver, spec.id, isReady);
  const folder = folderOf(spec.id);
  const log = join(home, "logs", "a", "a-v1-0.log");
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  for (const file of [join(folder, "spec.json"), join(folder, "process.json"), log])
    assert.equal(statSync(file).mode & 0o777, 0o600, file);
  assert.deepEqual(report?.address, { kind: "unix", path: join(folder, "data.sock") });
  assert.ok(Math.abs((report?.startedAtMs ?? 0) - Date.now()) < 60_000);
  assert.match(readFileSync(log, "utf8"), new RegExp(`log file ${log}`));
  await driver.stop(spec.id, 1000, never);
  assert.ok(existsSync(log), "the log stays");
});

test("a new driver finds what an old one started", async () => {
  const spec = instanceSpecOf("a", 0);
  await newDriver().start(spec, never);
  const before = await reportWhen(newDriver(), spec.id, isReady);
  const next = newDriver();
  await next.start(spec, never);
  assert.deepEqual(await reportWhen(next, spec.id, () => true), before, "not started again");
  await next.stop(spec.id, 1000, never);
  assert.deepEqual(await newDriver().list(), []);
});

test("an engine of a dead parent that was killed is Lost; the time of it stays", async (t) => {
  const spec = instanceSpecOf("a", 0);
  const stranger = await startStranger();
  t.after(() => stranger.kill("SIGKILL"));
  const folder = folderOf(spec.id);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "spec.json"), JSON.stringify(spec));
  const identity = { pid: stranger.pid, startTicks: readStartTicks(stranger.pid as number) };
  writeFileSync(join(folder, "process.json"), JSON.stringify(identity));
  const driver = newDriver();
  assert.equal((await driver.list())[0]?.isAlive, true);
  const seen: InstanceId[] = [];
  const hints = driver.hints(AbortSignal.timeout(30_000));
  for await (const id of hints) {
    seen.push(id);
    if (seen.length === 1) stranger.kill("SIGKILL");
    if (isDead((await driver.list())[0])) break;
  }
  const [report] = await driver.list();
  assert.equal(report?.exit?.reason, "Lost");
  assert.deepEqual((await driver.list())[0], report);
});

test("exit code and signal are kept; the engine's own words are not overwritten", async () => {
  const driver = newDriver();
  const [coded, told, killed] = [
    instanceSpecOf("coded", 0, '{"exit":3}'),
    instanceSpecOf(
      "told",
      0,
      '{"exit":1,"last":{"code":1,"signal":null,"reason":"Error","message":"no model"}}',
    ),
    instanceSpecOf("killed", 0),
  ];
  for (const spec of [coded, told, killed]) await driver.start(spec, never);
  const exitOf = async (id: InstanceId) => (await reportWhen(driver, id, isDead))?.exit;
  const first = await exitOf(coded.id);
  assert.deepEqual([first?.code, first?.signal, first?.reason], [3, null, "Error"]);
  assert.match(first?.message ?? "", /exit code 3/);
  assert.equal((await exitOf(told.id))?.message, "no model");
  process.kill((await reportWhen(driver, killed.id, isReady))?.pid as number, "SIGKILL");
  const last = await exitOf(killed.id);
  assert.deepEqual([last?.code, last?.signal, last?.reason], [null, "SIGKILL", "Error"]);
});

test("what the workers of an instance have done is read from its folder, and begins anew with the next start", async () => {
  const driver = newDriver();
  const work = { computed: 3, computeUs: 1200 };
  const [busy, idle] = [instanceSpecOf("busy", 0, JSON.stringify({ work })), instanceSpecOf("idle", 0)];
  for (const spec of [busy, idle]) await driver.start(spec, never);
  for (const { id } of [busy, idle]) await reportWhen(driver, id, isReady);
  assert.deepEqual(await driver.work(), [{ instance: busy.id, ...work }]);
  const restarted = { ...busy, model: idle.model };
  process.kill((await reportWhen(driver, busy.id, isReady))?.pid as number, "SIGKILL");
  await reportWhen(driver, busy.id, isDead);
  await driver.start(restarted, never);
  await reportWhen(driver, busy.id, isReady);
  assert.deepEqual(await driver.work(), []);
  for (const { id } of [busy, idle]) await driver.stop(id, 1000, never);
});

test("one that has failed and has not ended yet is reported with the reason that it wrote down", async () => {
  const driver = newDriver();
  const failed = { code: 1, signal: null, reason: "WarmUpFailed", message: "422", lastLines: ["no column"] };
  const spec = instanceSpecOf("a", 0, JSON.stringify({ failed }));
  await driver.start(spec, never);
  const report = await reportWhen(driver, spec.id, (r) => r?.state?.phase === "failed");
  assert.equal(report?.isAlive, true);
  const { reason, message, lastLines } = report?.exit ?? {};
  assert.deepEqual([reason, message, lastLines], ["WarmUpFailed", "422", ["no column"]]);
});

test("one that drains ends by itself; one that is deaf is killed when its time is over", async () => {
  const driver = newDriver();
  const deaf = instanceSpecOf("deaf", 0, '{"deaf":true}');
  await driver.start(deaf, never);
  const report = await reportWhen(driver, deaf.id, isReady);
  const early = new AbortController();
  const stopping = driver.stop(deaf.id, 60_000, early.signal);
  early.abort(new Error("asked to end"));
  await assert.rejects(stopping);
  assert.equal((await driver.list())[0]?.isAlive, true, "an aborted stop kills nothing");
  await driver.stop(deaf.id, 30, never);
  assert.equal(readStartTicks(report?.pid as number), null);
  assert.deepEqual(await driver.list(), []);
});

test("workers that a killed engine left behind are killed by the next start and by stop", async () => {
  const driver = newDriver();
  const spec = instanceSpecOf("a", 0, '{"worker":true}');
  const workerPid = () =>
    JSON.parse(readFileSync(join(folderOf(spec.id), "worker.json"), "utf8")).pid as number;
  await driver.start(spec, never);
  for (const act of [() => driver.start(spec, never), () => driver.stop(spec.id, 1000, never)]) {
    const report = await reportWhen(driver, spec.id, isReady);
    const worker = workerPid();
    process.kill(report?.pid as number, "SIGKILL");
    await reportWhen(driver, spec.id, isDead);
    assert.notEqual(readStartTicks(worker), null, "it hangs on");
    await act();
    assert.equal(readStartTicks(worker), null);
  }
});

test("a recycled pid is never signalled", async (t) => {
  const stranger = await startStranger();
  t.after(() => stranger.kill("SIGKILL"));
  const spec = instanceSpecOf("a", 0);
  const folder = folderOf(spec.id);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "spec.json"), JSON.stringify(spec));
  const startTicks = (readStartTicks(stranger.pid as number) as number) - 1;
  writeFileSync(join(folder, "process.json"), JSON.stringify({ pid: stranger.pid, startTicks }));
  const driver = newDriver();
  assert.equal((await driver.list())[0]?.isAlive, false);
  await driver.stop(spec.id, 1000, never);
  assert.notEqual(readStartTicks(stranger.pid as number), null, "the other process lives");
  assert.deepEqual(await driver.list(), []);
});

async function startStranger() {
  const stranger = spawn("/bin/cat", { detached: true, stdio: ["pipe", "ignore", "ignore"] });
  await once(stranger, "spawn");
  return stranger;
}

test("a program that is not there is a start that failed, and says so", async () => {
  const driver = newDriver({ engineCommand: () => ["/no/such/program"] });
  const spec = instanceSpecOf("a", 0);
  await assert.rejects(driver.start(spec, never), /the engine cannot be started: .*\/no\/such\/program/);
  const [report] = await driver.list();
  assert.deepEqual([report?.isAlive, report?.exit?.reason], [false, "StartFailed"]);
});

test("the longest names get sockets within the limit; a home that is too long is refused", async () => {
  const driver = newDriver();
  const specs = [instanceSpecOf("n".repeat(63), 0), instanceSpecOf("n".repeat(63), 1)];
  for (const spec of specs) await driver.start(spec, never);
  const reports = await driver.list(specs[0]?.service);
  assert.deepEqual(
    reports.map((r) => r.spec.id).toSorted(),
    specs.map((s) => s.id),
  );
  for (const { address } of reports)
    assert.ok(address.kind === "unix" && Buffer.byteLength(address.path) <= SOCKET_PATH_BYTES_MAX);
  assert.notDeepEqual(reports[0]?.address, reports[1]?.address);
  const long = join(home, "x".repeat(60));
  assert.throws(
    () => newDriver({ runDir: long }),
    /bytes too long.*107 bytes\. Choose a shorter SLUICE_HOME/,
  );
});

/** Control groups as a driver meets them, without a kernel. */
class StubGroups {
  memory: "cgroup1" | "cgroup2" = "cgroup2";
  killed = 0;
  pid = 0;
  readonly ended: string[] = [];
  readonly inForce = () => ({ memory: this.memory, cpu: "hint", processes: "none", note: "a stub" }) as const;
  enter = (_: string, __: unknown, command: readonly string[]) => ({ command, inForce: this.inForce() });
  oomKills = () => this.killed;
  kill = () => void process.kill(this.pid, "SIGKILL");
  end = async (name: string) => void this.ended.push(name);
  instances = () => ["a-v1-0", "gone-v1-0"];
}

test("an end for want of memory is told as such; without it, it is a mere error", async () => {
  const groups = new StubGroups();
  const driver = newDriver({ groups });
  const spec = instanceSpecOf("a", 0);
  await driver.start(spec, never);
  const report = await reportWhen(driver, spec.id, isReady);
  assert.deepEqual(report?.limits, groups.inForce());
  process.kill(report?.pid as number, "SIGKILL");
  assert.equal((await reportWhen(driver, spec.id, isDead))?.exit?.reason, "Error");
  await driver.start(spec, never);
  const again = await reportWhen(driver, spec.id, isReady);
  groups.killed = 1;
  process.kill(again?.pid as number, "SIGKILL");
  const exit = (await reportWhen(driver, spec.id, isDead))?.exit;
  assert.deepEqual([exit?.reason, exit?.signal], ["OOMKilled", "SIGKILL"]);
  assert.match(exit?.message ?? "", /used up its memory, 1000 MB \(metadata\.memory\)/);
});

test("a group of version 1 that lost a process for want of memory is ended whole", async () => {
  const groups = new StubGroups();
  groups.memory = "cgroup1";
  const driver = newDriver({ groups });
  const spec = instanceSpecOf("a", 0);
  await driver.start(spec, never);
  const report = await reportWhen(driver, spec.id, isReady);
  groups.pid = report?.pid as number;
  groups.killed = 1;
  const dead = await reportWhen(driver, spec.id, isDead);
  assert.deepEqual([dead?.exit?.reason, dead?.exit?.startedAtMs], ["OOMKilled", report?.startedAtMs]);
});

test("groups of instances without a folder are ended, others are left; a stop ends its own", async () => {
  const groups = new StubGroups();
  const driver = newDriver({ groups });
  const spec = instanceSpecOf("a", 0);
  await driver.start(spec, never);
  groups.ended.length = 0;
  await driver.sweep();
  assert.deepEqual(groups.ended, ["gone-v1-0"]);
  await driver.stop(spec.id, 0, never);
  assert.deepEqual(groups.ended, ["gone-v1-0", "a-v1-0"]);
});
