import assert from "node:assert/strict";
import test from "node:test";
import type { InstanceId, ServiceName } from "../core/names.ts";
import { ControlWorld, documentFor } from "../testing/control-world.ts";

const a = "a" as ServiceName;
const b = "b" as ServiceName;

/** What a command is answered when it was accepted before, and only its answer was lost. */
const REFUSED_TWICE = ["SERVICE_EXISTS", "SERVICE_NOT_FOUND", "INSTANCE_NOT_FOUND", "INVALID_ARGUMENT"];

/** A life with every kind of command; each is given again until it is accepted, as a user would. */
async function live(world: ControlWorld): Promise<void> {
  const insist = async (command: () => Promise<unknown>) => {
    for (let i = 0; i < 3; i++) {
      const given = command().then(
        () => true,
        (e: { code?: string }) => REFUSED_TWICE.includes(e.code ?? ""),
      );
      const isDone = await Promise.race([given, world.clock.advance(200).then(() => false)]);
      if (isDone) return;
    }
    assert.fail("a command is not accepted");
  };
  world.begin();
  await insist(() => world.control.createService(documentFor("a", { count: 2, group: "g" })));
  await insist(() => world.control.createService(documentFor("b", { group: "g" })));
  await world.untilRunning("a");
  await insist(() => world.control.updateService(a, { metadata: { cpu: 2 } }, "merge"));
  await insist(() => world.control.releaseService(b, { kind: "weight", weight: 27 }));
  await world.untilRunning("a");
  await insist(() => world.control.scaleService(a, 1, ["a-v2-0" as InstanceId]));
  await insist(() => world.control.deleteService(b));
  await world.until("b is gone", () => !world.store.state.services.has(b));
  await world.untilRunning("a");
}

async function checkEnd(world: ControlWorld): Promise<void> {
  await world.clock.advance(15_000);
  assert.deepEqual([...world.runtime.engines.keys()], ["a-v2-1"]);
  assert.ok(world.routed("a").every((ids) => ids.join() === "a-v2-1"));
  await world.stop();
}

async function writesOfOneLife(): Promise<number> {
  const world = new ControlWorld();
  await live(world);
  await checkEnd(world);
  return world.store.writeCount;
}

test("whichever write fails, everything comes right", async () => {
  const count = await writesOfOneLife();
  assert.ok(count > 20, `${count} writes`);
  for (let n = 1; n <= count; n++) {
    const world = new ControlWorld();
    world.store.onWrite = (i) => {
      if (i === n) throw new Error(`write ${n} failed`);
    };
    await live(world);
    await checkEnd(world);
  }
});

test("at whichever write the control process is killed, the next one goes on", async () => {
  const count = await writesOfOneLife();
  for (let n = 1; n <= count; n++) {
    const world = new ControlWorld();
    world.store.onWrite = (i) => {
      if (i !== n) return;
      queueMicrotask(() => {
        world.kill();
        world.begin();
      });
    };
    await live(world);
    await checkEnd(world);
  }
});
