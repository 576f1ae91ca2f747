import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import type { GatewayId } from "../core/names.ts";
import { ControlWorld, documentFor } from "../testing/control-world.ts";

const id = (text: string) => text as GatewayId;

async function worldFor(t: TestContext): Promise<ControlWorld> {
  const world = new ControlWorld();
  world.begin();
  t.after(async () => {
    await world.stop();
    await world.clock.advance(120_000); // what gateways still have to do
    assert.equal(world.clock.timerCount, 0, "a timer is left over");
  });
  await world.until("gateways have a table", () => serving(world).length === 2);
  await world.control.createService(documentFor("a"));
  await world.untilRunning("a");
  return world;
}

const serving = (world: ControlWorld) => world.fleet.live.filter((g) => g.table !== null && !g.isDraining);
const pids = (world: ControlWorld) => new Set(serving(world).map((g) => g.pid));

/** Restarts all, and waits until two others serve; fails when fewer than two serve in between. */
async function replaceAll(world: ControlWorld): Promise<number> {
  const before = pids(world);
  await world.control.restartGateways();
  return await world.until("all replaced", () => {
    assert.ok(serving(world).length >= 2, "a gateway went before its successor served");
    return serving(world).length === 2 && serving(world).every((g) => !before.has(g.pid));
  });
}
const warnings = (world: ControlWorld) =>
  world.log.lines.filter((l) => l.level === "warn").map((l) => l.text);

test("a gateway is started by the one that it follows, which then drains", async (t) => {
  const world = await worldFor(t);
  await replaceAll(world);
  assert.deepEqual(
    [...world.fleet.startedBy],
    [
      [id("gateway-0b"), id("gateway-0")],
      [id("gateway-1b"), id("gateway-1")],
    ],
  );
  await world.until("the old ones are gone", () => world.fleet.gateways.size === 2);
  assert.deepEqual(warnings(world), []);
});

test("one that cannot start its successor is replaced all the same, and the log says so", async (t) => {
  const world = await worldFor(t);
  world.fleet.onOrder = () => "refused";
  await replaceAll(world);
  assert.equal(world.fleet.startedBy.size, 0);
  assert.deepEqual(
    warnings(world).map((text) => /connections may be lost/.test(text)),
    [true, true],
  );
});

test("one of an older build is replaced by a gateway beside it, and ended by a signal", async (t) => {
  const world = new ControlWorld();
  world.fleet.handsOver = false;
  world.begin();
  t.after(() => world.stop());
  await world.until("gateways have a table", () => serving(world).length === 2);
  await replaceAll(world);
  assert.equal(world.fleet.startedBy.size, 0);
});

test("one that hangs is waited for 5 s, then a gateway is started beside it", async (t) => {
  const world = await worldFor(t);
  world.fleet.onOrder = () => "hanging";
  const tookMs = await replaceAll(world);
  assert.ok(tookMs >= 10_000, `${tookMs} ms`);
  assert.equal(world.fleet.startedBy.size, 0);
});

test("one that dies with the order in its hands is followed at once", async (t) => {
  const world = await worldFor(t);
  world.fleet.onOrder = () => "hanging";
  await world.control.restartGateways();
  await world.until("the order", () => world.fleet.orderCount === 1);
  world.fleet.kill(id("gateway-0"));
  const tookMs = await world.until("followed", () => serving(world).length === 2);
  assert.ok(tookMs < 1_000, `${tookMs} ms`);
});

test("a successor that dies before it serves is started in the other way", async (t) => {
  const world = await worldFor(t);
  await world.control.restartGateways();
  await world.until("ordered", () => world.fleet.startedBy.size === 1);
  world.fleet.kill(id("gateway-0b"));
  await world.until("replaced", () => serving(world).some((g) => g.launch.id === "gateway-0b"));
  assert.equal(world.fleet.startedBy.has(id("gateway-0b")), false);
});

test("one that somebody else asks to end is followed before it drains", async (t) => {
  const world = await worldFor(t);
  world.fleet.leave(id("gateway-1"));
  await world.until("followed", () => {
    assert.ok(serving(world).length >= 2, "it went before its successor served");
    return serving(world).some((g) => g.launch.id === "gateway-1b") && serving(world).length === 2;
  });
  assert.equal(world.fleet.startedBy.get(id("gateway-1b")), id("gateway-1"));
});

test("restarts in a row do not wait for old gateways; the fourth hurries the oldest", async (t) => {
  const world = await worldFor(t);
  world.fleet.drainMs = 90_000;
  for (let i = 0; i < 3; i++) assert.ok((await replaceAll(world)) < 1_000);
  assert.equal(world.fleet.live.length, 8, "two serve, six have connections left");
  assert.ok((await replaceAll(world)) < 5_000);
  assert.ok(warnings(world).some((text) => /follow each other closely/.test(text)));
  assert.equal(world.fleet.live.length, 8);
});

test("a control process that is killed in the middle of a replacement finds one gateway a slot in the end", async (t) => {
  for (let killedAtMs = 0; killedAtMs < 120; killedAtMs += 3) {
    const world = await worldFor(t);
    await world.control.restartGateways();
    await world.clock.advance(killedAtMs);
    world.kill();
    await world.clock.advance(50);
    assert.ok(serving(world).length >= 2);
    world.begin();
    await world.until("one a slot, and no folder of a dead one", () => {
      assert.ok(serving(world).length >= 2, `killed after ${killedAtMs} ms: a slot is not served`);
      return world.fleet.gateways.size === 2 && serving(world).length === 2;
    });
    const slots = serving(world).map((g) => /gateway-(\d)/.exec(g.launch.id)![1]);
    assert.deepEqual(slots.toSorted(), ["0", "1"]);
  }
});

test("gateways that are no longer wanted are told to drain, not ended by a signal", async (t) => {
  const world = new ControlWorld();
  world.fleet.drainMs = 1_000;
  world.begin();
  await world.until("gateways have a table", () => serving(world).length === 2);
  await world.stop();
  const fewer = new ControlWorld({ gatewayCount: 1 });
  Object.assign(fewer, {
    clock: world.clock,
    store: world.store,
    runtime: world.runtime,
    fleet: world.fleet,
  });
  fewer.begin();
  t.after(() => fewer.stop());
  await fewer.until("one drains", () => world.fleet.gateways.get(id("gateway-1"))?.isDraining === true);
  await fewer.until("it is gone", () => world.fleet.gateways.size === 1);
});
