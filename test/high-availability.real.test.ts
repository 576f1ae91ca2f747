/**
 * Control processes that share a database: one leads, and however it ends, another goes on, while clients of the services notice nothing.
 * One installation for all; each test hands the lead on.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ControlPair, type Member } from "./harness/control-pair.ts";
import { CutProxy } from "./harness/cut-proxy.ts";
import { GuideShell, shellBlocks } from "./harness/guide.ts";
import { ConstantLoad, failures } from "./harness/load.ts";
import { databaseOf, PostgresServer } from "./harness/postgres.ts";
import { fixtureSpec } from "./harness/specs.ts";
import { until } from "./harness/until.ts";

const server = new PostgresServer();
let url = "";
const pair = new ControlPair(() => url);
const { sluice } = pair;
let proxy: CutProxy;
let load: ConstantLoad;
let instancePid = 0;
/** The environment of an instance that one who was given a password has started. */
let inherited = "";
let leader: Member;

before(async () => {
  await server.start();
  url = server.newDatabase();
  proxy = new CutProxy(server.socketPath);
  await proxy.start();
});
after(async () => {
  await load?.stop();
  await pair.stop();
  await proxy.cut();
  await server.stop();
});

const throughProxy = () => `postgres://sluice:s3cr3t@127.0.0.1:${proxy.port}/${databaseOf(url)}`;
const ready = (member: Member, from = 0) => pair.untilSays(member, "Sluice is ready", from);
const standsBy = (member: Member, from = 0) => pair.untilSays(member, /stands by\n.*\n.*http:/, from);

/** It leads indeed: a command is carried out to its end. */
async function leads(member: Member, count: number): Promise<void> {
  assert.equal(sluice.clientConfig().address, pair.addressOf(member));
  await sluice.json("PUT", "/api/v2/services/local/s/scale", { Instance: count });
  await until(
    async () => {
      const { RunningInstance } = await sluice.service("s");
      return RunningInstance === count;
    },
    `${count} instances`,
    60_000,
    member.output,
  );
  assert.equal(sluice.pidOf("s-v1-0"), instancePid, "the first instance goes on through it all");
}

test("one leads; the other waits, says who leads, and passes clients on", async () => {
  leader = pair.start();
  await ready(leader);
  const standby = pair.start();
  await standsBy(standby);
  await sluice.json(
    "POST",
    "/api/v2/services",
    fixtureSpec("s", "steady", { instance: 1, cpu: 0.05 }, { model_config: "x" }),
  );
  await sluice.untilRunning("s");
  instancePid = sluice.pidOf("s-v1-0");
  const leading = pair.addressOf(leader);

  assert.equal((await pair.api(standby, "GET", "/healthz")).status, 200);
  const notReady = await pair.api(standby, "GET", "/readyz");
  assert.deepEqual([notReady.status, JSON.parse(notReady.body).Status], [503, "standby"]);
  const refused = await pair.api(standby, "DELETE", "/api/v2/services/local/s");
  const { Code, Leader } = JSON.parse(refused.body);
  assert.deepEqual(
    [refused.status, refused.headers["retry-after"], Code, Leader],
    [503, "1", "NOT_LEADER", leading],
  );
  const by = ["-e", pair.addressOf(standby), "-k", sluice.clientConfig().key];
  assert.match(await sluice.ok(...by, "ls"), /\bs\b/, "the CLI follows to the one who leads");

  const { AccessToken } = await sluice.service("s");
  const target = { url: `${sluice.clientConfig().gateway}/api/predict/s`, token: AccessToken, body: "x" };
  load = new ConstantLoad(target, 50);
  load.start();
});

test("kill -9 of the one who leads", async () => {
  const [before, standby] = pair.members as [Member, Member];
  before.child.kill("SIGKILL");
  await ready(standby);
  await leads(standby, 2);
  leader = standby;
});

test("one that is paused is put off, and ended before it can act again", async () => {
  const standby = pair.start(throughProxy());
  await standsBy(standby);
  leader.child.kill("SIGSTOP");
  await ready(standby);
  await pair.untilGone(leader);
  assert.equal(leader.child.signalCode, "SIGKILL");
  await leads(standby, 1);
  await leads(standby, 2);
  inherited = readFileSync(`/proc/${sluice.pidOf("s-v1-1")}/environ`, "utf8");
  leader = standby;
});

test("one that is cut off from the database stands by, and comes back as a standby", async () => {
  const [cutOff, standby] = [leader, pair.start()];
  await standsBy(standby);
  const from = cutOff.output().length;
  await proxy.cut();
  await ready(standby);
  await pair.untilSays(cutOff, "leads no longer", from);
  await leads(standby, 1);
  await proxy.start();
  await standsBy(cutOff, from);
  leader = standby;
});

test("one that is asked to end hands over to the standby, and nothing is taken down", async () => {
  const standby = pair.members.find(
    (m) => m !== leader && m.child.exitCode === null && m.child.signalCode === null,
  );
  assert(standby !== undefined);
  const gateways = () =>
    sluice
      .processes()
      .filter((p) => p.kind === "gateway")
      .map((p) => p.identity.pid);
  const [from, before] = [standby.output().length, gateways()];
  leader.child.kill("SIGTERM");
  await ready(standby, from);
  await pair.untilGone(leader);
  assert.equal(leader.child.exitCode, 0);
  assert.match(leader.output(), /handed over to the standby/);
  assert.deepEqual(gateways(), before);
  await leads(standby, 2);
  leader = standby;
});

test("a database that is gone for a while costs commands, and no request; the one who led goes on", async () => {
  const from = leader.output().length;
  await server.halt();
  await pair.untilSays(leader, "leads no longer", from);
  await server.startAgain();
  await ready(leader, from);
  await leads(leader, 1);
});

test("through all of it no request was lost; the last one to be asked to end takes all down", async (t) => {
  const waiting = pair.start();
  await standsBy(waiting);
  waiting.child.kill("SIGTERM");
  await pair.untilGone(waiting);
  assert.equal(waiting.child.exitCode, 0, "one that waits ends by itself, and takes nothing down");
  const outcomes = await load.stop();
  t.diagnostic(`${outcomes.length} requests`);
  assert.deepEqual(failures(outcomes), {});
  leader.child.kill("SIGTERM");
  await pair.untilGone(leader);
  assert.equal(leader.child.exitCode, 0, leader.output());
  assert.deepEqual(sluice.processes(), []);
});

test("the address of the database, with its password, is in no log and in no environment that is passed on", () => {
  const logs = join(sluice.home, "logs");
  const written = readdirSync(logs, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"));
  assert.ok(written.some((text) => text.includes("stands by")));
  for (const text of [...written, ...pair.members.map((m) => m.output())])
    assert.doesNotMatch(text, /s3cr3t/);
  assert.doesNotMatch(inherited, /SLUICE_STORE|s3cr3t/);
  assert.match(inherited, /SLUICE_HOME/);
});

test("from SQLite: what is wanted comes by a backup, and what runs is taken over, by the token that it had", async (t) => {
  const database = server.newDatabase();
  const moved = new ControlPair(() => database);
  t.after(() => moved.stop());
  const home = moved.sluice;
  await home.start();
  await home.json("POST", "/api/v2/services", fixtureSpec("kept", "steady", { instance: 1, cpu: 0.05 }));
  await home.untilRunning("kept");
  const { AccessToken } = await home.service("kept");
  const pid = home.pidOf("kept-v1-0");
  const file = join(home.home, "before.gz");
  await home.ok("backup", file);
  await home.killControl();

  const flags = ["--from-backup", file];
  const first = moved.start(database, "0", flags);
  await moved.untilSays(first, "Sluice is ready");
  assert.match(first.output(), /backup +1 services and 0 groups from /);
  await home.untilRunning("kept");
  assert.equal((await home.service("kept")).AccessToken, AccessToken);
  assert.equal(home.pidOf("kept-v1-0"), pid);
  assert.equal((await home.predict("kept", "x", AccessToken)).status, 200);

  // A standby with the same flags: what the first one did since is not put back when it takes over.
  const standby = moved.start(database, "0", flags);
  await moved.untilSays(standby, "stands by");
  await home.ok("scale", "kept", "2");
  first.child.kill("SIGKILL");
  await moved.untilSays(standby, "Sluice is ready");
  assert.match(standby.output(), /backup +not read: the store is not empty/);
  await home.untilRunning("kept");
  assert.equal((await home.service("kept")).TotalInstance, 2);
  assert.equal(home.pidOf("kept-v1-0"), pid);
});

test("docs/guide/high-availability.md", async (t) => {
  const other = server.newDatabase();
  const two = new ControlPair(() => other);
  t.after(() => two.stop());
  const first = two.start();
  await ready(first);
  const second = two.start();
  await two.untilSays(second, /leader +http:/);
  const shell = new GuideShell(two.sluice);
  t.after(() => shell.close());
  shell.stand("127.0.0.1:8091", new URL(two.addressOf(second)).host);
  for (const block of shellBlocks("docs/guide/high-availability.md")) {
    await shell.run(block);
    if (block.script.startsWith("kill -9")) await two.untilSays(second, "Sluice is ready");
  }
});
