/**
 * A day of an installation, with every kind of change that users make: services and a group are created, updated, scaled, given
 * weights, moved from blue to green, rolled back, stopped and started, cared for instance by instance, and deleted. Each
 * command is given again until it is accepted, as by a user whose control process has just died.
 */
import assert from "node:assert/strict";
import type { ControlPlane } from "../src/control/control-plane.ts";
import type { InstanceId, ServiceName } from "../src/core/names.ts";
import { type ControlWorld, documentFor } from "../src/testing/control-world.ts";
import { WELL_BEHAVED } from "../src/testing/memory-runtime.ts";
import { convergesToWhatIsWanted } from "./invariants.ts";

const a = "a" as ServiceName;
const b = "b" as ServiceName;
const c = "c" as ServiceName;
/** Of service a: it crashes while it loads. */
const BROKEN_VERSION = 3;

/** What a command is answered when it was accepted before, and only its answer was lost. */
const REFUSED_TWICE = [
  "SERVICE_EXISTS",
  "SERVICE_NOT_FOUND",
  "SERVICE_DELETING",
  "INSTANCE_NOT_FOUND",
  "INVALID_ARGUMENT",
];

/** Lives through the day in a world where nothing was begun yet, and ends the control process. What is wanted then: see {@link wantedAtNight}. */
export async function liveTheDay(world: ControlWorld): Promise<void> {
  world.runtime.behaviour = ({ service, version }) => ({
    ...WELL_BEHAVED,
    isCrashing: service === a && version === BROKEN_VERSION,
  });
  const does = (command: (control: ControlPlane) => Promise<unknown>) => insist(world, command);
  const version = (change: object) => does((control) => control.updateService(a, change, "merge"));

  world.begin();
  await does((control) => control.createService(documentFor("a", { count: 2, group: "g" })));
  await does((control) => control.createService(documentFor("b", { group: "g" })));
  await does((control) => control.createService(documentFor("c", { count: 2 })));
  await settled(world);

  await version({ metadata: { cpu: 2 } });
  await settled(world);
  await does((control) => control.scaleService(a, 3, []));
  await settled(world);

  // From blue to green and back: a pair has percents. Then weights, states, and by the number of instances again.
  for (const weight of [27, 100, 40, -1]) {
    await does((control) => control.releaseService(b, { kind: "weight", weight }));
    await world.clock.advance(300);
  }
  await does((control) => control.releaseService(b, { kind: "state", trafficState: "standalone" }));
  await does((control) => control.releaseService(b, { kind: "state", trafficState: "grouping" }));

  await version({ metadata: { cpu: 3 } }); // version 3 never comes up
  await reached(world, a, "Updating", "UPDATE_FAILING");
  await does((control) => control.switchVersion(a, 2));
  await settled(world);

  await does((control) =>
    control.createRollout({ name: a, change: { partition: { kind: "count", count: 2 } } }),
  );
  await version({ metadata: { cpu: 4 } });
  await settled(world);
  await does((control) => control.deleteRollout(a));
  await settled(world);

  await does((control) => control.stopService(c));
  await reached(world, c, "Stopped");
  await does((control) => control.startService(c));
  await does((control) => control.restartService(b));
  await settled(world);

  const [isolated, detached] = servingOf(world, c);
  await does((control) => control.updateInstance(c, isolated!, { isolate: true }));
  await settled(world);
  await does((control) => control.updateInstance(c, isolated!, { isolate: false }));
  await does((control) => control.updateInstance(c, detached!, { detach: true }));
  await settled(world);
  await does((control) => control.softRestart(c, [isolated!]));
  await settled(world);
  if (world.alive("c").has(detached!)) await does((control) => control.deleteInstances(c, [detached!]));
  await settled(world);

  await does((control) => control.scaleService(a, 2, [servingOf(world, a)[0]!]));
  await does((control) => control.addGroupToken("g" as never));
  await does((control) => control.deleteService(b));
  await world.until("b is gone", () => !world.store.state.services.has(b));
  await settled(world);
}

/** Checks that nothing but what is wanted runs, and ends the control process. */
export async function checkTheNight(world: ControlWorld): Promise<void> {
  await world.clock.advance(40_000);
  assert.equal(convergesToWhatIsWanted(world), null);
  const wanted = [...world.store.state.services.values()].map((s) => ({
    name: s.name,
    version: s.version,
    count: (s.document.metadata as { instance: number }).instance,
    desired: s.desired,
    group: s.group,
    trafficState: s.trafficState,
    weight: s.weight,
    isUpdated: !s.updatingFrom,
    isolated: s.isolated ?? [],
    detached: s.detached ?? [],
  }));
  const same = {
    desired: "running",
    trafficState: "grouping",
    weight: null,
    isUpdated: true,
    isolated: [],
    detached: [],
  };
  assert.deepEqual(wanted, [
    { name: "a", version: 4, count: 2, group: "g", ...same },
    { name: "c", version: 1, count: 2, group: null, ...same },
  ]);
  assert.deepEqual([...world.store.statuses.keys()].sort(), ["a", "c"]);
  assert.equal(world.alive("a").size, 2);
  assert.equal(world.alive("c").size, 2);
  await world.stop();
}

async function insist(
  world: ControlWorld,
  command: (control: ControlPlane) => Promise<unknown>,
): Promise<void> {
  let refusal: unknown = null;
  for (let i = 0; i < 4; i++) {
    await world.until("a control process runs", () => world.isRunning);
    const given = command(world.control).then(
      () => true,
      (error: { code?: string }) => {
        refusal = error;
        return i > 0 && REFUSED_TWICE.includes(error.code ?? "");
      },
    );
    if (await Promise.race([given, world.clock.advance(200).then(() => false)])) return;
  }
  assert.fail(`a command is not accepted: ${String(refusal)}`);
}

async function reached(world: ControlWorld, name: ServiceName, phase: string, reason?: string) {
  const isSo = () => {
    const status = world.status(name);
    const generation = world.store.state.services.get(name)?.generation;
    const isOf = status?.observedGeneration === generation && status?.phase === phase;
    return isOf && (reason === undefined || status?.reason === reason);
  };
  await world.until(`${name} is ${phase} ${reason ?? ""}`, isSo);
}

async function settled(world: ControlWorld): Promise<void> {
  for (const { name } of [...world.store.state.services.values()]) await reached(world, name, "Running");
}

const servingOf = (world: ControlWorld, name: string): readonly InstanceId[] =>
  world.status(name)?.serving ?? [];
