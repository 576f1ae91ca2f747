import assert from "node:assert/strict";
import { test } from "node:test";
import type { InstanceId, ServiceName } from "../core/names.ts";
import { ControlWorld, documentFor } from "../testing/control-world.ts";

test("an update to another model begins with its files: until they are here nothing is stopped, and nothing taken out of the table", async (t) => {
  const world = new ControlWorld();
  world.begin();
  t.after(async () => {
    await world.stop();
    await world.clock.advance(60_000); // what gateways still have to do
  });
  const name = "a" as ServiceName;
  const url = "https://models.example/two.tar.gz";
  await world.control.createService({ ...documentFor("a", { count: 2 }), model_path: "/one" });
  await world.untilRunning("a");
  const stopped: InstanceId[] = [];
  world.runtime.onStop = (id) => stopped.push(id);
  const before = world.alive("a");

  world.files.slowMs.set(url, 600_000);
  await world.control.updateService(name, { model_path: url }, "merge");
  await world.clock.advance(500);
  assert.match(world.status("a")!.progress.join(), /Downloading http file \[50%\]/);
  await world.clock.advance(300_000);
  assert.deepEqual(world.alive("a"), before);
  assert.deepEqual(stopped, []);
  assert.ok(world.routed("a").every((r) => r.length === 2));

  await world.clock.advance(300_000);
  await world.untilRunning("a");
  assert.deepEqual([...world.alive("a").keys()].sort(), ["a-v2-0", "a-v2-1"]);
});
