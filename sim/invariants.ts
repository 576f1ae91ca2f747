/**
 * The laws of the whole system, as predicates on a world. Each is checked after every step of a simulation, or, where it
 * says so, when the world has settled. A law answers with what broke it, or null.
 */
import { instanceCountOf } from "../src/core/change/decision.ts";
import type { InstanceId } from "../src/core/names.ts";
import type { RouteTable } from "../src/core/traffic/route-table.ts";
import { openersOf, sharesOf } from "../src/core/traffic/table.ts";
import type { ControlWorld } from "../src/testing/control-world.ts";
import { wantedWhenSettled } from "./wanted-world.ts";

/** Grace of a stop that asks nobody any more: what it had is over, or it has failed. */
export const LAST_GRACE_MS = 1_000;

export type Law = (world: ControlWorld) => string | null;

/** Shares of a group are whole percents that sum to 100, or there are none because nobody can serve. */
export const sharesSumToTheWhole: Law = ({ store }) => {
  for (const [group, shares] of sharesOf(store.state, store.statuses)) {
    const sum = shares.reduce((total, s) => total + s.percent, 0);
    if (shares.length > 0 && sum !== 100) return `shares of ${group} sum to ${sum}`;
    if (shares.some((s) => !Number.isInteger(s.percent) || s.weight < 1))
      return `shares of ${group} are not whole`;
  }
  return null;
};

/** A standalone member gets no share of its group, while another one takes part. */
export const standaloneGetsNothing: Law = ({ store }) => {
  for (const [group, shares] of sharesOf(store.state, store.statuses)) {
    for (const { name } of shares) {
      if (store.state.services.get(name)?.trafficState === "standalone")
        return `${name} gets a share of ${group}`;
    }
  }
  return null;
};

/** A group has a member, or was made by CreateGroup; and a member's group exists. */
export const groupsHaveMembers: Law = ({ store }) => {
  const { services, groups } = store.state;
  for (const [name, group] of groups) {
    const hasMember = [...services.values()].some((s) => s.group === name);
    if (!hasMember && !group.isExplicit) return `group ${name} has no member`;
  }
  for (const s of services.values()) {
    if (s.group !== null && !groups.has(s.group)) return `group ${s.group} of ${s.name} does not exist`;
  }
  return null;
};

/** A lone member of a group takes part in its traffic; weights are given exactly when the mode is customized. */
export const trafficIsConsistent: Law = ({ store }) => {
  for (const group of store.state.groups.values()) {
    const members = [...store.state.services.values()].filter(
      (s) => s.group === group.name && s.desired !== "deleted",
    );
    if (members.length === 1 && members[0]!.trafficState === "standalone")
      return `${members[0]!.name} is alone`;
    const blueGreen = members.filter((m) => m.trafficState === "blue-green");
    if (blueGreen.length !== 0 && (blueGreen.length !== 2 || members.length !== 2)) {
      return `${group.name} is blue-green with ${members.length} members`;
    }
    const sum = blueGreen.reduce((total, m) => total + (m.weight ?? Number.NaN), 0);
    if (blueGreen.length === 2 && sum !== 100) return `the pair of ${group.name} has ${sum} percent`;
    for (const m of members) {
      if ((m.weight === null) !== (group.mode === "auto"))
        return `${m.name} has weight ${m.weight} in ${group.mode}`;
    }
  }
  return null;
};

/**
 * Checked when a stop begins: no living gateway's table in force names the instance, and none has requests in
 * flight to it; unless the whole grace period is over (then the last grace is short), or it never was ready.
 */
export function stoppedWhileUsed(world: ControlWorld, id: InstanceId, graceMs: number): string | null {
  if (graceMs <= LAST_GRACE_MS) return null; // sim/traffic-laws.ts tells when it may be
  for (const gateway of world.fleet.live) {
    const isNamed = gateway.table?.services.some((s) => s.instances.some((i) => i.id === id)) === true;
    if (isNamed) return `${id} is stopped while ${gateway.launch.id} routes to it`;
    if (gateway.lingering.has(id))
      return `${id} is stopped while ${gateway.launch.id} has requests in flight to it`;
  }
  return null;
}

/**
 * Checked when a table comes into force: it names no instance that was told to stop. One whose grace was over may be named by a table
 * that was so long under way.
 */
export function namesStoppedInstance(world: ControlWorld, table: RouteTable): string | null {
  for (const { id } of table.services.flatMap((s) => s.instances)) {
    const engine = world.runtime.engines.get(id);
    const isEnding = engine?.exit === null && engine.phase === "draining";
    if (isEnding && engine.graceMs! > LAST_GRACE_MS)
      return `table ${table.number} names ${id}, which is stopping`;
  }
  return null;
}

/** Checked when a table comes into force: it names no instance that never was ready. */
export function namesUnprovenInstance(world: ControlWorld, table: RouteTable): string | null {
  for (const { id } of table.services.flatMap((s) => s.instances)) {
    if (!world.runtime.provenIds.has(id)) return `table ${table.number} names ${id}, which never was ready`;
  }
  return null;
}

/** When settled: exactly the wanted instances are there, ready, and each gateway routes to exactly them. */
export const convergesToWhatIsWanted: Law = (world) => {
  const { store, runtime, fleet } = world;
  const wanted = new Set<InstanceId>();
  const isolated = new Set<InstanceId>();
  const detached = new Set<InstanceId>();
  for (const record of store.state.services.values()) {
    if (record.desired === "deleted") return `${record.name} is still being deleted`;
    const phase = store.statuses.get(record.name)?.phase;
    const expected = record.desired === "stopped" ? "Stopped" : "Running";
    if (phase !== expected) return `${record.name} is ${phase}, not ${expected}`;
    if (record.desired === "stopped") continue;
    for (const id of wantedWhenSettled(record, world)) wanted.add(id);
    for (const id of record.isolated ?? []) isolated.add(id);
    for (const id of record.detached ?? []) detached.add(id);
  }
  for (const id of wanted) {
    const engine = runtime.engines.get(id);
    if (engine?.phase !== "ready" || engine.exit !== null) return `${id} is not ready`;
  }
  for (const id of runtime.engines.keys())
    if (!wanted.has(id) && !detached.has(id)) return `${id} runs and no record owns it`;
  const served = [...wanted].filter((id) => !isolated.has(id));
  for (const gateway of fleet.live) {
    const routed = gateway.table?.services.flatMap((s) => s.instances.map((i) => i.id)) ?? [];
    if (routed.length !== served.length)
      return `${gateway.launch.id} routes to ${routed.length} of ${served.length}`;
    for (const id of routed) if (!served.includes(id)) return `${gateway.launch.id} routes to ${id}`;
  }
  return softRestartsAreDone(world) ?? tokensAreInForce(world);
};

/**
 * Each status is within the orders about single instances: an isolated one is served to by none, and a detached one only while
 * fewer others serve than are wanted; once it has left, it never comes back.
 */
export function ordersAreKept({ store }: ControlWorld, left: Set<string>): string | null {
  for (const record of store.state.services.values()) {
    const status = store.statuses.get(record.name);
    if (status?.observedGeneration !== record.generation) continue;
    for (const id of record.isolated ?? [])
      if (status.serving.includes(id)) return `${id} serves and is isolated`;
    const detached = new Set(record.desired === "running" ? record.detached : []);
    const others = status.serving.filter((id) => !detached.has(id));
    for (const id of detached) {
      const key = `${record.id} ${id}`; // the name may come again, in another service
      if (!status.serving.includes(id)) left.add(key);
      else if (left.has(key)) return `${id} is detached, had left the traffic, and serves again`;
      else if (others.length >= instanceCountOf(record.document))
        return `${id} is detached and serves beside all others`;
    }
  }
  return null;
}

/** When settled: every soft restart that was asked for of a wanted instance is done. */
const softRestartsAreDone: Law = ({ store, runtime }) => {
  for (const { softRestarts, desired } of store.state.services.values()) {
    if (desired !== "running") continue;
    for (const [id, number] of Object.entries(softRestarts ?? {})) {
      const engine = runtime.engines.get(id as InstanceId);
      const isWanted =
        engine !== undefined && store.statuses.get(engine.spec.service)?.serving.includes(engine.spec.id);
      if (isWanted && (engine.spec.softRestart ?? 0) !== number)
        return `the soft restart of ${id} was not done`;
    }
  }
  return null;
};

/** When settled: every gateway and every instance is opened by the tokens that are valid, and by no other. */
const tokensAreInForce: Law = ({ store, runtime, fleet }) => {
  const { services, groups } = store.state;
  const valid = new Map(
    [...services.values()].map((s) => {
      const group = s.group === null ? undefined : groups.get(s.group);
      return [s.name, openersOf(s, group).join(" ")];
    }),
  );
  for (const { spec, exit } of runtime.engines.values())
    if (exit === null && spec.tokens.join(" ") !== valid.get(spec.service))
      return `${spec.id} has other tokens`;
  for (const { launch, table } of fleet.live) {
    const other = table?.services.find((s) => s.tokens.join(" ") !== valid.get(s.name));
    if (other !== undefined) return `${launch.id} has other tokens of ${other.name}`;
  }
  return null;
};

/** A paused rollout does not go on; `before` is how far each one was at the last look, by service and version. */
export function pausedStaysPaused({ store }: ControlWorld, before: Map<string, number>): string | null {
  const now = new Map<string, number>();
  for (const { name, version, generation, desired, rollout, updatingFrom } of store.state.services.values()) {
    const step = store.statuses.get(name);
    const isPaused = desired === "running" && rollout?.isPaused === true && updatingFrom != null;
    if (!isPaused || step?.rollout?.version !== version || step.observedGeneration !== generation) continue;
    if (step.rollout.phase !== "Paused") continue;
    now.set(`${name} v${version} of ${generation}`, step.rollout.wantedCount);
  }
  for (const [key, count] of now) {
    const was = before.get(key);
    if (was !== undefined && count > was) return `${key} is paused, and goes on from ${was} to ${count}`;
  }
  before.clear();
  for (const [key, count] of now) before.set(key, count);
  return null;
}

/** Laws of every moment. */
export const ALWAYS: Readonly<Record<string, Law>> = {
  sharesSumToTheWhole,
  standaloneGetsNothing,
  groupsHaveMembers,
  trafficIsConsistent,
};
