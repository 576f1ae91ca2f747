/** Orders by hand on real processes under load: no request is lost, and each instance is what it was asked to be. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Installation } from "./harness/installation.ts";
import { ConstantLoad, failures } from "./harness/load.ts";
import { fixtureSpec } from "./harness/specs.ts";
import { until } from "./harness/until.ts";

const NAME = "by_hand";
const PATIENCE_MS = 60_000;
const RATE_PER_SECOND = 100;
const sluice = new Installation({ gatewayWorkers: 2 });
let load: ConstantLoad;

before(async () => {
  await sluice.start();
  const file = join(sluice.home, "by_hand.json");
  writeFileSync(
    file,
    JSON.stringify(fixtureSpec(NAME, "steady", { instance: 3, cpu: 0.1 }, { model_config: "one" })),
  );
  await sluice.ok("create", file);
  const token = (await sluice.service(NAME)).AccessToken as string;
  const url = `${sluice.clientConfig().gateway}/api/predict/${NAME}`;
  load = new ConstantLoad({ url, token, body: "x" }, RATE_PER_SECOND);
  load.start();
  await answered(RATE_PER_SECOND);
});
after(async () => {
  await load.stop();
  await sluice.stop();
});

async function answered(count: number): Promise<void> {
  const goal = load.outcomes.length + count;
  await until(() => load.outcomes.length >= goal, `${count} more answers`, PATIENCE_MS);
}

// biome-ignore lint/suspicious/noExplicitAny: an answer of the API
type Instance = any;
async function instances(): Promise<Instance[]> {
  return (await sluice.json("GET", `/api/v2/services/local/${NAME}/instances`)).Instances;
}
const namesOf = (list: Instance[]) => list.map((i) => i.InstanceName).sort();

async function untilServing(count: number): Promise<void> {
  const isSo = async () => {
    const all = await instances();
    return all.filter((i) => i.ReadyProcesses === 1 && !i.Isolated && !i.Detached).length === count;
  };
  await until(isSo, `${count} instances that serve`, PATIENCE_MS);
}

test("isolate: it runs on without requests, also over a restart of the control process, and comes back", async () => {
  await sluice.ok("isolate", NAME, `${NAME}-v1-1`);
  await untilServing(2);
  const pid = sluice.pidOf(`${NAME}-v1-1`);
  await sluice.killControl();
  await sluice.startControl();
  await untilServing(2);
  const explained = await sluice.ok("explain", NAME);
  assert.match(explained, /was isolated by hand: it runs on, and gets no requests/);
  assert.equal(sluice.pidOf(`${NAME}-v1-1`), pid);
  assert.equal((await instances()).length, 3, "nobody takes its place");
  await answered(RATE_PER_SECOND);
  await sluice.ok("isolate", NAME, `${NAME}-v1-1`, "--off");
  await untilServing(3);
  await answered(RATE_PER_SECOND);
  assert.deepEqual(failures(load.outcomes), {});
});

test("soft restart: each processor starts again under its name, and nobody notices", async () => {
  const before = new Map((await instances()).map((i) => [i.InstanceName, i.Pid]));
  await sluice.ok("softrestart", NAME, [...before.keys()].join(","));
  const isDone = async () => {
    const now = await instances();
    return (
      now.length === 3 && now.every((i) => i.ReadyProcesses === 1 && i.Pid !== before.get(i.InstanceName))
    );
  };
  await until(isDone, "all three processes to be new ones", PATIENCE_MS);
  await answered(RATE_PER_SECOND);
  assert.deepEqual(namesOf(await instances()), [...before.keys()].sort());
  assert.deepEqual(failures(load.outcomes), {});
});

test("detach: another takes its place, and it is kept with its process until it is deleted", async () => {
  const id = `${NAME}-v1-0`;
  const pid = sluice.pidOf(id);
  await sluice.ok("detach", NAME, id, "-y");
  await until(
    async () => namesOf(await instances()).includes(`${NAME}-v1-3`),
    "another instance",
    PATIENCE_MS,
  );
  await untilServing(3);
  await answered(RATE_PER_SECOND);
  assert.equal(sluice.pidOf(id), pid);
  assert.equal((await instances()).find((i) => i.InstanceName === id).Detached, true);
  await sluice.ok("modify", NAME, "-Dmodel_config=two");
  await sluice.untilRunning(NAME);
  assert.equal(sluice.pidOf(id), pid, "an update leaves it alone");
  await sluice.ok("dw", NAME, id, "-y");
  await until(
    async () => !namesOf(await instances()).includes(id),
    "the detached one to be gone",
    PATIENCE_MS,
  );
  await untilServing(3);
  assert.deepEqual(failures(load.outcomes), {});
});

test("the safety lock refuses what it says, with a reason, and is taken off", async () => {
  await sluice.ok("lock", NAME, "dangerous");
  for (const args of [
    ["stop", NAME],
    ["delete", NAME],
    ["scale", NAME, "0"],
    ["dw", NAME, `${NAME}-v2-0`],
  ]) {
    const { code, stderr } = await sluice.cli(...args, "-y");
    assert.notEqual(code, 0, args.join(" "));
    assert.match(stderr, /SAFETY_LOCKED|safety lock dangerous/);
  }
  await sluice.ok("scale", NAME, "2", "--delete", `${NAME}-v2-0`);
  await until(
    async () => !namesOf(await instances()).includes(`${NAME}-v2-0`),
    "the named one to go",
    PATIENCE_MS,
  );
  await sluice.ok("lock", NAME, "all");
  const { code } = await sluice.cli("scale", NAME, "3", "-y");
  assert.notEqual(code, 0);
  await sluice.ok("lock", NAME, "none");
  await load.stop();
  assert.deepEqual(failures(load.outcomes), {});
  await sluice.ok("stop", NAME, "-y");
  assert.match(await sluice.ok("explain", NAME), /It is stopped: its address answers 503/);
  await sluice.ok("start", NAME);
});
