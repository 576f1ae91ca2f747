/**
 * No request is lost by our doing: under a constant 500 requests a second through a group, everything is killed, scaled
 * and updated in turn. What may fail is only what a killed process held at that moment, and that is counted.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, type TestContext, test } from "node:test";
import { Installation } from "./harness/installation.ts";
import { ConstantLoad, failures, type Outcome } from "./harness/load.ts";
import { fixtureSpec } from "./harness/specs.ts";
import { until } from "./harness/until.ts";

const RATE_PER_SECOND = 500;
/** What is in flight at one moment: no more than the load has connections. */
const HELD_MAX = 64;
/** So long after a kill this process may not have been told of it, on a machine with much else to do, and send on connections that are dead. */
const UNAWARE_MS_MAX = 3_000;
const sluice = new Installation({ gatewayWorkers: 2 });
let load: ConstantLoad;

before(async () => {
  await sluice.start();
  for (const spec of [
    fixtureSpec("steady_prod", "steady", { instance: 4, group: "steady" }, { model_config: "one" }),
    fixtureSpec("steady_grey", "steady", { instance: 1, group: "steady" }, { model_config: "one" }),
  ]) {
    const file = join(sluice.home, `${spec.name}.json`);
    writeFileSync(file, JSON.stringify(spec));
    await sluice.ok("create", file);
  }
});
after(() => sluice.stop());

beforeEach(async () => {
  const token = (await sluice.json("GET", "/api/v2/groups/local/steady")).AccessToken as string;
  load = new ConstantLoad(
    { url: `${sluice.clientConfig().gateway}/api/predict/steady`, token, body: "x" },
    RATE_PER_SECOND,
  );
  load.start();
  await answered(RATE_PER_SECOND);
});
afterEach(async () => {
  await load.stop();
});

/** Waits for that many more answers: time measured in traffic. */
async function answered(count: number): Promise<void> {
  const goal = load.outcomes.length + count;
  await until(() => load.outcomes.length >= goal, `${count} more answers`, 30_000);
}

async function finish(t: TestContext): Promise<readonly Outcome[]> {
  await answered(RATE_PER_SECOND);
  const outcomes = await load.stop();
  t.diagnostic(`of ${outcomes.length} requests these failed: ${JSON.stringify(failures(outcomes))}`);
  return outcomes;
}

/** Pid of a process's child other than `except`; 0 when there is none. */
function childOf(pid: number, except = 0): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").map(Number);
  return children.find((child) => child !== except) ?? 0;
}

const pidsOf = (kind: string) =>
  sluice
    .processes()
    .filter((p) => p.kind === kind)
    .map((p) => `${p.id}=${p.identity.pid}`)
    .sort();

test("kill -9 of the control process: nobody notices, and the next one finds everything", async (t) => {
  const before = [...pidsOf("instance"), ...pidsOf("gateway")];
  assert.equal(before.length, 7);
  const wanted = (await sluice.service("steady_prod")).ServiceConfig;
  await sluice.killControl();
  await answered(RATE_PER_SECOND);
  await sluice.startControl();
  await sluice.untilRunning("steady_prod");
  assert.deepEqual(failures(await finish(t)), {});
  assert.deepEqual([...pidsOf("instance"), ...pidsOf("gateway")], before);
  const service = await sluice.service("steady_prod");
  assert.equal(service.ServiceConfig, wanted);
  assert.equal(service.RunningInstance, 4);
});

test("scale 4 → 2 → 4", async (t) => {
  await sluice.ok("scale", "steady_prod", "2", "-y");
  await until(() => pidsOf("instance").length === 3, "two instances to be gone", 30_000);
  await answered(RATE_PER_SECOND);
  await sluice.ok("scale", "steady_prod", "4", "-y");
  await sluice.untilRunning("steady_prod");
  assert.deepEqual(failures(await finish(t)), {});
  assert.equal(pidsOf("instance").length, 5);
});

test("a new version replaces the old one", async (t) => {
  await sluice.ok("modify", "steady_prod", "-Dmodel_config=two", "-y");
  await sluice.untilRunning("steady_prod");
  await until(
    () => pidsOf("instance").every((p) => !p.includes("steady_prod-v1")),
    "the old version to be gone",
    30_000,
  );
  const outcomes = await finish(t);
  assert.deepEqual(failures(outcomes), {});
  const last = outcomes.filter((o) => o.member === "steady_prod").at(-1);
  assert.match(last!.body, /^two /);
});

test("kill -9 of an instance: only what it held fails, and it comes back", async (t) => {
  const victim = sluice.processes().find((p) => p.id.startsWith("steady_prod-"))!;
  const killedAt = performance.now();
  process.kill(victim.identity.pid, "SIGKILL");
  await until(
    () => sluice.processes().some((p) => p.id === victim.id && p.identity.pid !== victim.identity.pid),
    "the instance to be started again",
    30_000,
  );
  await sluice.untilRunning("steady_prod");
  const outcomes = await finish(t);
  const failed = outcomes.filter((o) => o.status !== 200);
  assert(failed.length <= HELD_MAX, JSON.stringify(failures(outcomes)));
  for (const o of failed) {
    assert.equal(`${o.status} ${o.reason}`, "502 BAD_UPSTREAM");
    assert(o.startedAtMs < killedAt + UNAWARE_MS_MAX, "a request sent after the kill was lost");
  }
});

test("kill -9 of a processor worker: what it held is answered 500, and its engine starts another", async (t) => {
  const engine = sluice.processes().find((p) => p.id.startsWith("steady_prod-"))!;
  const worker = childOf(engine.identity.pid);
  process.kill(worker, "SIGKILL");
  await until(() => childOf(engine.identity.pid, worker) !== 0, "another worker", 30_000);
  await sluice.untilRunning("steady_prod");
  const outcomes = await finish(t);
  const failed = outcomes.filter((o) => o.status !== 200);
  assert(failed.length <= HELD_MAX, JSON.stringify(failures(outcomes)));
  for (const o of failed) assert.equal(`${o.status} ${o.reason}`, "500 WORKER_DIED");
  assert.equal(sluice.pidOf(engine.id), engine.identity.pid);
});

test("kill -9 of a gateway: only what it held fails, and it comes back", async (t) => {
  const victim = sluice.processes().find((p) => p.kind === "gateway")!;
  const killedAt = performance.now();
  process.kill(victim.identity.pid, "SIGKILL");
  await until(
    () => sluice.processes().some((p) => p.id === victim.id && p.identity.pid !== victim.identity.pid),
    "the gateway to be started again",
    30_000,
  );
  const outcomes = await finish(t);
  const failed = outcomes.filter((o) => o.status !== 200);
  assert(failed.length <= HELD_MAX + 64, JSON.stringify(failures(outcomes)));
  for (const o of failed) {
    assert.equal(o.status, 0, `${o.status} ${o.reason}`);
    assert(
      o.startedAtMs < killedAt + UNAWARE_MS_MAX,
      `a request sent ${o.startedAtMs - killedAt} ms after the kill was lost: ${o.reason}`,
    );
  }
});
