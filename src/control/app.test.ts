import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import type { GatewayId, GroupName, InstanceId, ServiceName } from "../core/names.ts";
import { ControlWorld, documentFor } from "../testing/control-world.ts";
import { WELL_BEHAVED } from "../testing/memory-runtime.ts";

const name = (text: string) => text as ServiceName;

async function worldFor(t: TestContext): Promise<ControlWorld> {
  const world = new ControlWorld();
  world.begin();
  t.after(async () => {
    await world.stop();
    await world.clock.advance(60_000); // what gateways still have to do
    assert.equal(world.clock.timerCount, 0, "a timer is left over");
  });
  await world.until(
    "gateways have a table",
    () => world.fleet.live.filter((g) => g.table !== null).length === 2,
  );
  return world;
}

test("create: instances start, get ready, and are routed at once", async (t) => {
  const world = await worldFor(t);
  const { record } = await world.control.createService(documentFor("a", { count: 2 }));
  assert.equal((await world.control.read()).statuses.get(name("a"))!.phase, "Creating");
  assert.match(record.id, /^eas-m-[0-9a-f]{20}$/);
  const tookMs = await world.until("both routed everywhere", () =>
    world.routed("a").every((r) => r.length === 2),
  );
  const { launchMs, loadMs } = WELL_BEHAVED;
  assert.ok(tookMs <= launchMs + loadMs! + 20, `${tookMs} ms from create to traffic`);
  await world.untilRunning("a");
  assert.equal(world.status("a")!.message, "Service start successfully");
  const { events } = await world.control.events({
    service: name("a"),
    fromMs: 0,
    toMs: Number.MAX_SAFE_INTEGER,
    offset: 0,
    limit: 100,
  });
  const reasons = events.map((e) => e.reason);
  for (const r of ["Creating", "InstanceStarting", "InstanceReady", "Running"])
    assert.ok(reasons.includes(r), r);
});

test("a limit and a sticky group are in every gateway's table at once, without a new version or instance", async (t) => {
  const world = await worldFor(t);
  await world.control.createService(documentFor("a", { group: "g" }));
  await world.untilRunning("a");
  const before = world.alive("a");
  const limit = { "networking.gateway_policy.rate_limit": { enable: true, limit: 9 } };
  const { record } = await world.control.updateService(name("a"), limit, "merge");
  assert.equal(record.version, 1);
  await world.control.updateGroup("g" as GroupName, { sticky: { kind: "cookie", name: "side" } });
  await world.until("both in force", () =>
    world.fleet.live.every(({ table }) => {
      const rate = table!.services[0]?.policy?.rate;
      return rate?.limit === 9 && table!.groups[0]?.sticky?.name === "side" && table!.workerCount === 2;
    }),
  );
  assert.deepEqual(world.alive("a"), before);
});

test("delete: the address goes at once, the record when everything has stopped, and the name is free again", async (t) => {
  const world = await worldFor(t);
  await world.control.createService(documentFor("a", { group: "g" }));
  await world.untilRunning("a");
  await world.control.deleteService(name("a"));
  await assert.rejects(world.control.createService(documentFor("a")), { code: "SERVICE_DELETING" });
  await world.until("gone", () => world.store.state.services.size === 0);
  assert.equal(world.store.state.groups.size, 0);
  assert.equal(world.runtime.engines.size, 0);
  assert.ok(world.fleet.live.every((g) => g.table!.services.length === 0));
  await world.control.createService(documentFor("a"));
  await world.untilRunning("a");
});

test("delete while creating", async (t) => {
  const world = await worldFor(t);
  world.files.slowMs.set("/p", 60_000);
  await world.control.createService(documentFor("a"));
  await world.clock.advance(500);
  assert.match(world.status("a")!.progress.join(), /Downloading http file \[50%\]/);
  await world.control.deleteService(name("a"));
  await world.until("gone", () => world.store.state.services.size === 0, 1000);
});

test("a new version replaces make before break; one that fails leaves the old in service, and a rollback is instant", async (t) => {
  const world = await worldFor(t);
  await world.control.createService(documentFor("a", { count: 3 }));
  await world.untilRunning("a");
  const stopped: InstanceId[] = [];
  world.runtime.onStop = (id) => stopped.push(id);
  const before = world.alive("a");

  world.runtime.behaviour = (spec) => ({ ...WELL_BEHAVED, isCrashing: spec.version === 2 });
  const { record } = await world.control.updateService(name("a"), { metadata: { cpu: 2 } }, "merge");
  assert.equal(record.version, 2);
  await world.clock.advance(30_000);
  assert.equal(world.status("a")!.phase, "Updating");
  assert.equal(world.status("a")!.reason, "UPDATE_FAILING");
  assert.deepEqual(stopped, []);
  assert.ok(world.routed("a").every((r) => r.length === 3));

  await world.control.switchVersion(name("a"), 1);
  await world.untilRunning("a");
  assert.deepEqual(world.alive("a"), before);

  world.runtime.behaviour = () => WELL_BEHAVED;
  await world.control.switchVersion(name("a"), 2);
  await world.untilRunning("a");
  assert.deepEqual([...world.alive("a").keys()].sort(), ["a-v2-0", "a-v2-1", "a-v2-2"]);
});

test("kill -9 of the control process: the next life adopts everything, restarts nothing, and counts tables on", async (t) => {
  const world = await worldFor(t);
  await world.control.createService(documentFor("a", { count: 2, group: "g" }));
  await world.control.createService(documentFor("b", { group: "g" }));
  await world.untilRunning("a");
  await world.untilRunning("b");
  await world.until("routed", () => world.routed("b").every((r) => r.length === 1));
  const before = [world.alive("a"), world.alive("b"), world.fleet.live.map((g) => g.pid)];
  const numbers = world.fleet.live.map((g) => g.tableNumber);
  const desired = world.store.state;
  const routed = world.routed("a");
  let isRouted = true;
  world.fleet.onTable = (table) => {
    if (!table.services.every((s) => s.instances.length > 0)) isRouted = false;
  };

  world.kill();
  await world.clock.advance(5_000);
  world.begin();
  await world.clock.advance(30_000);
  assert.deepEqual([world.alive("a"), world.alive("b"), world.fleet.live.map((g) => g.pid)], before);
  assert.equal(world.store.state, desired);
  assert.deepEqual(world.routed("a"), routed);
  assert.ok(isRouted, "no table of the new life took instances away");
  world.fleet.live.forEach((g, i) => {
    assert.ok(g.tableNumber > numbers[i]!);
  });
});

test("a crashed instance is started again after a backoff, and its service does not lose the others", async (t) => {
  const world = await worldFor(t);
  await world.control.createService(documentFor("a", { count: 2 }));
  await world.untilRunning("a");
  world.runtime.kill("a-v1-0" as InstanceId);
  const tookMs = await world.until("out of the tables", () => world.routed("a").every((r) => r.length === 1));
  assert.ok(tookMs <= 20);
  await world.untilRunning("a", 5_000);
  const again = world.status("a")!.instances.find((i) => i.id === "a-v1-0")!;
  assert.equal(again.restarts, 1);
  assert.equal(again.lastExit!.signal, "SIGKILL");
});

test("a processor that never comes up makes the service Failed, and is still tried again", async (t) => {
  const world = await worldFor(t);
  world.runtime.behaviour = () => ({ ...WELL_BEHAVED, isCrashing: true });
  await world.control.createService(documentFor("a"));
  await world.until("Failed", () => world.status("a")?.phase === "Failed", 10_000);
  assert.match(world.status("a")!.message, /exited with code 1: it cannot be loaded/);
  world.runtime.behaviour = () => WELL_BEHAVED;
  await world.untilRunning("a", 70_000);
});

test("crashes blocked: what crashed stays for inspection", async (t) => {
  const world = await worldFor(t);
  world.runtime.behaviour = () => ({ ...WELL_BEHAVED, isCrashing: true });
  await world.control.createService({ ...documentFor("a"), runtime: { enable_crash_block: true } });
  await world.until("Failed", () => world.status("a")?.phase === "Failed", 1_000);
  await world.clock.advance(120_000);
  assert.equal(world.runtime.engines.get("a-v1-0" as InstanceId)!.exit!.code, 1);
  assert.equal(world.status("a")!.reason, "CRASH_BLOCKED");
  await world.control.deleteService(name("a"));
  await world.until("gone", () => world.store.state.services.size === 0, 2_000);
  assert.equal(world.runtime.engines.size, 0);
});

test("missing files: the service says which, and comes up when they are there", async (t) => {
  const world = await worldFor(t);
  world.files.broken.set("/p", { message: "there is no /p", isRetriable: false });
  await world.control.createService(documentFor("a"));
  await world.until("Failed", () => world.status("a")?.phase === "Failed", 1_000);
  assert.equal(world.status("a")!.message, "there is no /p");
  world.files.broken.clear();
  await world.untilRunning("a", 61_000);
});

test("release, scale and stop change what gateways do", async (t) => {
  const world = await worldFor(t);
  await world.control.createService(documentFor("prod", { count: 4, group: "g" }));
  await world.control.createService(documentFor("grey", { group: "g" }));
  await world.untilRunning("prod");
  await world.untilRunning("grey");
  const weights = () =>
    world.fleet.live.map((g) => g.table!.groups[0]!.members.map((m) => [m.service, m.weight]));
  const shares = async () =>
    (await world.control.read()).shares.get("g" as GroupName)!.map((s) => [s.name, s.percent]);
  await world.until("80/20", () => weights().every((w) => w.length === 2));
  assert.deepEqual(await shares(), [
    ["grey", 20],
    ["prod", 80],
  ]);
  await world.control.releaseService(name("grey"), { kind: "weight", weight: 27 });
  await world.clock.advance(20);
  assert.deepEqual(weights()[0], [
    ["grey", 27],
    ["prod", 73],
  ]);
  await world.control.stopService(name("grey"));
  await world.until("stopped", () => world.status("grey")!.phase === "Stopped");
  assert.deepEqual(await shares(), [["prod", 100]]);
  await world.control.startService(name("grey"));
  await world.untilRunning("grey");
  await world.control.scaleService(name("prod"), 2, ["prod-v1-0" as InstanceId]);
  await world.untilRunning("prod");
  assert.equal(world.alive("prod").size, 2);
  assert.ok(!world.alive("prod").has("prod-v1-0" as InstanceId));
});

test("a gateway that dies is replaced and gets the table; a hung one delays a stop by the grace period only", async (t) => {
  const world = await worldFor(t);
  await world.control.createService(documentFor("a", { count: 2 }));
  await world.untilRunning("a");
  await world.clock.advance(20_000);
  world.fleet.kill("gateway-0" as GatewayId);
  const tookMs = await world.until(
    "replaced",
    () => world.routed("a").filter((r) => r.length === 2).length === 2,
  );
  assert.ok(tookMs < 200, `${tookMs} ms`);

  world.fleet.timing = () => ({ startMs: 1, tableMs: 50_000, lingerMs: 0 }); // tables no longer come into force
  await world.control.scaleService(name("a"), 1, []);
  await world.clock.advance(25_000);
  assert.equal(world.alive("a").size, 2);
  await world.until("stopped in the end", () => world.alive("a").size === 1, 10_000);
  assert.ok(world.store.events.some((e) => e.reason === "InstanceKilled"));
});

test("gateways are restarted one by one, and the old one goes when the new one listens", async (t) => {
  const world = await worldFor(t);
  await world.control.createService(documentFor("a"));
  await world.untilRunning("a");
  const serving = () => world.fleet.live.filter((g) => g.table !== null && !g.isDraining).length;
  const before = new Set(world.fleet.live.map((g) => g.pid));
  await world.control.restartGateways();
  let most = 0;
  await world.until("all replaced", () => {
    most = Math.max(most, world.fleet.live.filter((g) => !g.isDraining).length);
    assert.ok(serving() >= 2, "a gateway went before its successor served");
    return world.fleet.live.length === 2 && world.fleet.live.every((g) => !before.has(g.pid));
  });
  assert.equal(most, 3, "one at a time");
  assert.ok(world.routed("a").every((ids) => ids.length === 1));
  await world.control.restartGateways();
  await world.until("replaced again, under the first names", () =>
    world.fleet.live.map((g) => g.launch.id).every((id) => /^gateway-[01]$/.test(id)),
  );
});

test("a gateway that lost the table that a change is of gets a whole one", async (t) => {
  const world = await worldFor(t);
  await world.control.createService(documentFor("a"));
  await world.untilRunning("a");
  const gateway = world.fleet.gateways.get("gateway-0" as GatewayId)!;
  gateway.table = { ...gateway.table!, number: gateway.table!.number - 1 };
  await world.control.createService(documentFor("b"));
  await world.until("routed everywhere", () => world.routed("b").every((ids) => ids.length === 1));
  assert.ok(world.routed("a").every((ids) => ids.length === 1));
});

test("a successor that does not come up costs nothing: the old gateways serve on", async (t) => {
  const world = await worldFor(t);
  const before = world.fleet.live.map((g) => g.pid);
  world.fleet.timing = () => ({ startMs: Number.MAX_SAFE_INTEGER, tableMs: 1, lingerMs: 0 });
  await world.control.restartGateways();
  await world.clock.advance(20_000);
  assert.deepEqual(
    world.fleet.live.filter((g) => g.table !== null).map((g) => g.pid),
    before,
  );
  assert.equal(world.fleet.live.length, 3);
});

test("a link that breaks while requests linger delays a stop only until the link is there again", async (t) => {
  const world = await worldFor(t);
  await world.control.createService(documentFor("a", { count: 2 }));
  await world.untilRunning("a");
  world.fleet.timing = () => ({ startMs: 1, tableMs: 1, lingerMs: 500 });
  await world.control.scaleService(name("a"), 1, []);
  await world.clock.advance(100);
  assert.equal(world.alive("a").size, 2);
  world.fleet.breakLink("gateway-0" as GatewayId);
  const tookMs = await world.until("stopped", () => world.alive("a").size === 1, 5_000);
  assert.ok(tookMs >= 390 && tookMs < 600, `${tookMs} ms`);
  assert.ok(!world.store.events.some((e) => e.reason === "InstanceKilled"));
});

test("instances that no record owns are stopped", async (t) => {
  const world = await worldFor(t);
  await world.control.createService(documentFor("a"));
  await world.untilRunning("a");
  const engine = world.runtime.engines.get("a-v1-0" as InstanceId)!;
  const begun = world.runtime.start({
    ...engine.spec,
    id: "ghost-v1-0" as InstanceId,
    service: name("ghost"),
  });
  await world.clock.advance(10);
  await begun;
  await world.until("the ghost is gone", () => world.alive("ghost").size === 0, 15_000);
  assert.equal(world.alive("a").size, 1);
});

test("two creates of one name at once: one wins, the other is told", async (t) => {
  const world = await worldFor(t);
  const results = await Promise.allSettled([
    world.control.createService(documentFor("a")),
    world.control.createService(documentFor("a")),
  ]);
  assert.deepEqual(results.map((r) => r.status).sort(), ["fulfilled", "rejected"]);
  const lost = results.find((r) => r.status === "rejected") as PromiseRejectedResult;
  assert.equal((lost.reason as { code: string }).code, "SERVICE_EXISTS");
});
