/** What a node has for instances, and what holds them, over the whole program. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Installation } from "./harness/installation.ts";
import { fixtureSpec } from "./harness/specs.ts";
import { until } from "./harness/until.ts";

const sluice = new Installation({ gatewayWorkers: 1 });
sluice.flags = ["--cgroups", "off", "--capacity-memory", "600", "--capacity-cpu", "4"];
before(() => sluice.start());
after(() => sluice.stop());

test("what does not fit waits, says what is missing, and starts as soon as there is room", async () => {
  await sluice.json("POST", "/api/v2/services", fixtureSpec("first", "steady", { instance: 2 }));
  await sluice.untilRunning("first");
  await sluice.json("POST", "/api/v2/services", fixtureSpec("second", "steady"));
  let said = "";
  await until(
    async () => {
      const { Status, Reason, Message } = await sluice.service("second");
      said = `${Status} ${Reason} ${Message}`;
      return Reason === "NO_ROOM";
    },
    "the second to say that there is no room",
    60_000,
    () => said,
  );
  assert.match(said, /needs 1 core and 256 MB; 2 cores and 88 MB are free, 168 MB missing/);
  assert.match(said, /^Waiting /);
  await sluice.ok("scale", "first", "1");
  await sluice.untilRunning("second");
});

test("without control groups, processes limit themselves, and instances and events say so", async () => {
  const { Instances } = await sluice.json("GET", "/api/v2/services/local/first/instances");
  assert.deepEqual(Instances[0].Limits, {
    Memory: "rlimit",
    Cpu: "hint",
    Processes: "none",
    Note: "memory, cpu, pids: control groups are switched off (cgroups)",
  });
  const { Events } = await sluice.json("GET", "/api/v2/services/local/first/events");
  const told = Events.filter((e: { Reason: string }) => e.Reason === "LimitsWithoutGroup");
  assert.equal(told.length, 1, "once, whatever the number of instances");
  assert.match(told[0].Message, /held by: memory rlimit, cpu hint, processes none/);
});
