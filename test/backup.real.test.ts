/**
 * Backup and restore of an installation that serves: under a constant load, what was changed since is brought back, and a store that was
 * lost with its control process is made anew. No request is lost by either.
 */
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Installation } from "./harness/installation.ts";
import { ConstantLoad, failures } from "./harness/load.ts";
import { fixtureSpec } from "./harness/specs.ts";
import { until } from "./harness/until.ts";

const RATE_PER_SECOND = 200;
const sluice = new Installation({ gatewayWorkers: 1 });
const kept = join(sluice.home, "kept.gz");
let load: ConstantLoad;

before(async () => {
  await sluice.start();
  await create("steady_prod", { group: "steady" });
  await create("steady_grey", { group: "steady" });
  await sluice.ok("release", "steady_grey", "-w", "30", "-y");
  await sluice.ok("backup", kept);
  const token = (await sluice.json("GET", "/api/v2/groups/local/steady")).AccessToken as string;
  const url = `${sluice.clientConfig().gateway}/api/predict/steady`;
  load = new ConstantLoad({ url, token, body: "x" }, RATE_PER_SECOND);
  load.start();
  await answered(RATE_PER_SECOND);
});
after(async () => {
  await load.stop();
  await sluice.stop();
});

async function create(name: string, metadata: Record<string, unknown> = {}): Promise<void> {
  const file = join(sluice.home, `${name}.json`);
  writeFileSync(file, JSON.stringify(fixtureSpec(name, "steady", metadata, { model_config: "one" })));
  await sluice.ok("create", file);
}

/** Waits for that many more answers: time measured in traffic. */
async function answered(count: number): Promise<void> {
  const goal = load.outcomes.length + count;
  await until(() => load.outcomes.length >= goal, `${count} more answers`, 30_000);
}

/** What the last answers said, by member. */
const lately = () => new Set(load.outcomes.slice(-20).map((o) => `${o.member}: ${o.body}`));

const weights = async () =>
  (await sluice.json("GET", "/api/v2/services?GroupName=steady")).Services.map(
    (s: { ServiceName: string; Weight: number }) => `${s.ServiceName}=${s.Weight}`,
  ).sort();

const instances = () =>
  sluice
    .processes()
    .filter((p) => p.kind === "instance")
    .map((p) => `${p.id}=${p.identity.pid}`)
    .sort();

test("restore while requests go on: versions, weights and services are those of the backup, and no request fails", async () => {
  await sluice.ok("modify", "steady_prod", "-Dmodel_config=two", "-y");
  await sluice.ok("release", "steady_grey", "-w", "80", "-y");
  await create("later");
  await until(
    () => [...lately()].some((l) => l.includes("two")),
    "the new version to answer",
    30_000,
    () => [...lately()].join(),
  );

  const plan = await sluice.ok("restore", kept, "--plan");
  assert.match(plan, / {2}- service later\n {2}~ service steady_grey\n {2}~ service steady_prod\n/);
  await sluice.ok("restore", kept, "-y");
  await sluice.untilRunning("steady_prod");
  await until(
    async () => (await sluice.api("GET", "/api/v2/services/local/later")).status === 404,
    "the later service to be gone",
    30_000,
  );
  assert.deepEqual(await weights(), ["steady_grey=30", "steady_prod=70"]);
  await answered(RATE_PER_SECOND);
  assert.ok(
    [...lately()].every((l) => !l.includes("two")),
    [...lately()].join(),
  );
  assert.match(await sluice.ok("restore", kept, "-y"), /nothing to do/);
  assert.deepEqual(failures(load.outcomes), {});
});

test("a damaged store is told in a sentence; a new one begins from a backup, and takes over what runs", async () => {
  await sluice.ok("backup", kept, "-y");
  const before = instances();
  await sluice.killControl();
  const database = join(sluice.home, "data", "sluice.db");
  writeFileSync(database, "no pages at all ".repeat(1000));
  for (const end of ["-wal", "-shm"]) rmSync(`${database}${end}`, { force: true });
  await assert.rejects(sluice.startControl(), /is damaged: .*--from-backup/);
  rmSync(database);

  sluice.flags = ["--from-backup", kept];
  await sluice.startControl();
  assert.match(sluice.controlOutput, /2 services and 1 groups from/);
  await sluice.untilRunning("steady_prod");
  await answered(RATE_PER_SECOND);
  assert.deepEqual(instances(), before);
  assert.deepEqual(await weights(), ["steady_grey=30", "steady_prod=70"]);
  assert.deepEqual(failures(load.outcomes), {});
});
