/** What must not grow with the size of an installation, counted; bench/control has the times. */
import assert from "node:assert/strict";
import test from "node:test";
import type { ServiceName } from "../core/names.ts";
import { apiOver, TEST_KEY } from "../testing/api-app.ts";
import { ControlWorld, documentFor } from "../testing/control-world.ts";
import { MemoryStore } from "../testing/memory-store.ts";

const SERVICES = 100;
const INSTANCES_EACH = 10;
const GATEWAYS = 2;

class CountingStore extends MemoryStore {
  reads = 0;

  override readDesired() {
    this.reads += 1;
    return super.readDesired();
  }

  override listStatuses() {
    this.reads += 1;
    return super.listStatuses();
  }
}

test("100 services with 1,000 instances: what a look, a command and an idle minute cost is counted", async (t) => {
  const store = new CountingStore();
  const world = new ControlWorld({ store, gatewayCount: GATEWAYS });
  let tables = 0;
  world.fleet.onTable = () => {
    tables += 1;
  };
  world.begin();
  t.after(() => world.stop());
  for (let i = 0; i < SERVICES; i++) {
    const group = `group_${Math.floor(i / 4)}`;
    await world.control.createService(documentFor(`s${i}`, { count: INSTANCES_EACH, group }));
  }
  const isSettled = () =>
    [...store.statuses.values()].filter((s) => s.phase === "Running").length === SERVICES &&
    world.fleet.live.every((g) => g.table?.services.every((s) => s.instances.length === INSTANCES_EACH));
  await world.until("all run", isSettled);
  await world.clock.advance(25_000); // what is left to do, is done
  const counted = async (work: () => Promise<unknown>) => {
    const before = { reads: store.reads, writes: store.writeCount, tables };
    await work();
    return {
      reads: store.reads - before.reads,
      writes: store.writeCount - before.writes,
      tables: tables - before.tables,
    };
  };

  const { app } = apiOver(world.control, () => world.clock.now());
  const list = async (query: string) => {
    const answer = await app.inject({
      url: `/api/v2/services?${query}`,
      headers: { authorization: `Bearer ${TEST_KEY}` },
    });
    assert.equal(answer.statusCode, 200, answer.body);
    const { Services, TotalCount } = answer.json();
    return [Services.length, TotalCount];
  };
  const looks = await counted(async () => {
    assert.deepEqual(await list("PageSize=50&PageNumber=2"), [50, SERVICES]);
    assert.deepEqual(await list("ServiceStatus=Running&Filter=s9&Sort=ServiceName"), [11, 11]);
  });
  assert.deepEqual(looks, { reads: 0, writes: 0, tables: 0 });
  assert.equal(await world.control.read(), await world.control.read(), "nothing changed: the very same");

  const idle = await counted(() => world.clock.advance(60_000));
  assert.deepEqual(idle, { reads: 0, writes: 0, tables: 0 });

  const name = "s7" as ServiceName;
  const release = await counted(async () => {
    await world.control.releaseService(name, { kind: "state", trafficState: "standalone" });
    await world.clock.advance(5_000);
  });
  assert.deepEqual({ reads: release.reads, tables: release.tables }, { reads: 1, tables: GATEWAYS });
  assert.ok(release.writes <= 3, `the command, the table's number, the status: ${release.writes}`);

  world.kill();
  const start = await counted(async () => {
    world.begin();
    await world.clock.advance(30_000);
  });
  assert.equal(start.reads, 2, "what is wanted, and what is so");
  // Whole ones, and once more when the second gateway is heard: never one for each service.
  assert.ok(start.tables <= 2 * GATEWAYS, `${start.tables} tables`);
  assert.ok(start.writes <= 2 * GATEWAYS, `no status is written again: ${start.writes}`);
});

test("a hundred commands at once on a slow store are all done, none is told of another", async (t) => {
  const world = new ControlWorld({ gatewayCount: 1 });
  world.begin();
  t.after(() => world.stop());
  await world.clock.advance(1_000);
  world.store.latency = () => world.clock.sleep(3);
  const names = Array.from({ length: 100 }, (_, i) => `s${i}`);
  const created = Promise.all(names.map((name) => world.control.createService(documentFor(name))));
  await world.clock.advance(2_000);
  assert.equal((await created).length, 100);
  for (const name of names) await world.untilRunning(name);
});
