/**
 * Laws about how instances are replaced, checked when a start or a stop reaches the runtime. What is wanted may have changed
 * between a plan and its actions, by as much as the store is slow; so the loosest bound of the last moments counts.
 */
import { isDeepStrictEqual } from "node:util";
import { instanceCountOf } from "../src/core/change/decision.ts";
import { wantedInstances } from "../src/core/change/slots.ts";
import type { InstanceSpec } from "../src/core/instance-spec.ts";
import type { InstanceId, ServiceName } from "../src/core/names.ts";
import { type Room, withMore } from "../src/core/plan/room.ts";
import { OPEN_RULE } from "../src/core/rollout.ts";
import type { ServiceRecord } from "../src/core/service.ts";
import { parseSpec } from "../src/core/spec/parse.ts";
import { amountOf, paceOf } from "../src/core/spec/rolling.ts";
import type { ControlWorld } from "../src/testing/control-world.ts";
import type { Coverage } from "./coverage.ts";

/** A plan is no older than this when its actions begin: a list and several slow writes, one after the other. */
const PLAN_AGE_MS = 1_500;
/** What a start goes by is looked at again just before; a commit may still be on its way back to who knows. */
const START_AGE_MS = 500;
/** After a crash, a kill or a lost write an update works again within this. */
const HARM_MS = 10_000;

interface Seen {
  readonly atMs: number;
  readonly record: ServiceRecord | null;
}

export class ReplacementLaws {
  readonly #world: ControlWorld;
  readonly #coverage: Coverage;
  readonly #seen = new Map<ServiceName, Seen[]>();
  readonly #capacities: { readonly atMs: number; readonly room: Room | null }[] = [];
  /** Launches begun by a life that was killed: nobody knew of them when the next one planned. */
  readonly #orphans = new Set<InstanceId>();
  readonly #launching = new Map<InstanceId, InstanceSpec>();
  /** As the newest list told it, which is the one that the newest plan of its service was made from. */
  readonly #listedReady = new Map<InstanceId, boolean>();
  #lists = 0;
  readonly #newestList = new Map<ServiceName, number>();
  /** Of which service each instance was started for. */
  readonly #serviceIds = new Map<InstanceId, string>();
  #harmedAtMs = Number.NEGATIVE_INFINITY;

  constructor(world: ControlWorld, coverage: Coverage) {
    this.#world = world;
    this.#coverage = coverage;
    const { store, runtime } = world;
    const { list } = runtime;
    runtime.list = async (owner?: ServiceName) => {
      const order = ++this.#lists;
      const reports = await list.call(runtime, owner);
      // Of two that overlap, by two lives of the control process, the one that was asked for last counts.
      if (owner !== undefined && order > (this.#newestList.get(owner) ?? 0)) {
        this.#newestList.set(owner, order);
        for (const r of reports) this.#listedReady.set(r.spec.id, r.isAlive && r.state?.phase === "ready");
      }
      return reports;
    };
    const commit = store.commit.bind(store);
    store.commit = (revision, changes) => {
      const answer = commit(revision, changes); // what it does is done before it answers
      this.#look();
      return answer;
    };
    this.capacityChanged();
  }

  get #nowMs(): number {
    return this.#world.clock.monotonic();
  }

  /** Something happened that an update need not go on smoothly after. */
  harmed(): void {
    this.#harmedAtMs = this.#nowMs;
  }

  /** The control process was killed: it told nobody of what it had just begun. */
  killed(): void {
    this.harmed();
    for (const id of this.#launching.keys()) this.#orphans.add(id);
    this.#launching.clear();
  }

  /** The newest record of this generation that was stored; null: there was none. */
  recordOf(name: ServiceName, generation: number): ServiceRecord | null {
    return this.#seen.get(name)?.findLast((s) => s.record?.generation === generation)?.record ?? null;
  }

  wasListedReady(id: InstanceId): boolean {
    return this.#listedReady.get(id) === true;
  }

  /** The shortest grace that the service's instances had in the last moments. */
  leastGraceMs(name: ServiceName): number {
    const records = this.#recent(name, PLAN_AGE_MS).filter((r) => r !== null);
    return Math.min(...records.map((r) => parseSpec(r.document).spec.terminationGraceMs));
  }

  /** What a command was answered with was stored, just so. */
  answered(answer: unknown): string | null {
    const given = answer as ServiceRecord | { readonly record: ServiceRecord } | undefined;
    const record = given !== undefined && "record" in given ? given.record : given;
    if (record?.generation === undefined) return null;
    this.#coverage.count("law", "an answer was compared");
    const all = this.#seen.get(record.name) ?? [];
    return all.some((s) => isDeepStrictEqual(s.record, record))
      ? null
      : `generation ${record.generation} of ${record.name} was answered, and never stored`;
  }

  capacityChanged(): void {
    this.#capacities.push({ atMs: this.#nowMs, room: this.#world.capacity });
  }

  launched(id: InstanceId): void {
    this.#launching.delete(id);
  }

  /** Checked when a start begins. */
  started(spec: InstanceSpec): string | null {
    this.#forgetNamesake(spec);
    const broken = this.#aliveWithinSurge(spec) ?? this.#withinRoom(spec) ?? this.#withinRollout(spec);
    this.#launching.set(spec.id, spec);
    return broken;
  }

  /** Of a service that was deleted and created anew, an instance has not proven itself by one of the same name before. */
  #forgetNamesake({ id, service }: InstanceSpec): void {
    const serviceId = this.#world.store.state.services.get(service)?.id;
    if (serviceId === undefined) return;
    if (this.#serviceIds.get(id) !== serviceId) this.#world.runtime.provenIds.delete(id);
    this.#serviceIds.set(id, serviceId);
  }

  /** No more instances of a service are alive or being started than its count and its surge together. */
  #aliveWithinSurge(spec: InstanceSpec): string | null {
    const recent = this.#recent(spec.service, START_AGE_MS);
    const isDetached = (id: InstanceId) => recent.some((r) => r?.detached?.includes(id));
    const alive = this.#specs().filter(
      (s) => s.service === spec.service && !this.#orphans.has(s.id) && !isDetached(s.id),
    );
    const ids = new Set([...alive.map((s) => s.id), spec.id]);
    const most = Math.max(...recent.map(mostAlive));
    if (ids.size === most) this.#coverage.count("law", "a start within a full surge was judged");
    // More than that may be left of when more were wanted; then nothing may be added.
    return ids.size > most
      ? `${spec.id} is started beside ${ids.size - 1} others, at most ${most} may be alive`
      : null;
  }

  /** What is alive and being started fits on the node. */
  #withinRoom(spec: InstanceSpec): string | null {
    const recent = this.#capacities.filter(
      (_, i, all) => (all[i + 1]?.atMs ?? this.#nowMs) >= this.#nowMs - PLAN_AGE_MS,
    );
    if (recent.some((c) => c.room === null)) return null;
    const most = Math.max(...recent.map((c) => c.room!.cpu));
    const all = this.#specs().filter((s) => !this.#orphans.has(s.id) && s.id !== spec.id);
    const taken = withMore(
      spec.limits,
      all.map((s) => s.limits),
    );
    this.#coverage.count("law", "a start on a full node was judged");
    return taken.cpu > most + 1e-9
      ? `${spec.id} is started, and ${taken.cpu} cores of ${most} are taken`
      : null;
  }

  /**
   * A partition is kept, and what is paused begins nothing: only slots that the rollout lets through are started. Another one that
   * was ready before is started again only as long as fewer serve than are wanted, e.g. when a partition was raised and
   * the version before cannot be had: who has one that serves is not worse off than with none.
   */
  #withinRollout(spec: InstanceSpec): string | null {
    const recent = this.#recent(spec.service, START_AGE_MS);
    const isLet = recent.some((record) => {
      if (record === null || !record.updatingFrom) return true;
      if (record.version !== spec.version || record.epoch !== spec.epoch) return true;
      const count = instanceCountOf(record.document);
      const { partition, isPaused } = record.rollout ?? OPEN_RULE;
      const limit = Math.max(0, count - amountOf(partition, count, Math.ceil));
      const step = this.#world.store.statuses.get(record.name)?.rollout;
      const reached =
        isPaused && step?.version === record.version ? Math.min(limit, step.wantedCount) : limit;
      if (reached < count) this.#coverage.count("law", "a held start was judged");
      return wantedInstances(record, reached).has(spec.id);
    });
    if (isLet) return null;
    const most = Math.max(...recent.map(countOf));
    const serving = this.#world.store.statuses.get(spec.service)?.serving ?? []; // by the plan that starts it
    const isStandIn = this.#world.runtime.provenIds.has(spec.id) && serving.length < most;
    return isStandIn ? null : `${spec.id} is started, and the rollout holds it back`;
  }

  /**
   * Checked when a stop begins, while nothing else goes wrong: as many instances are ready without this one as are
   * wanted, less the unavailable, the isolated, and one whose soft restart this is; or it was not ready when its stop was planned: no
   * table ever named it then, and nobody counted on it.
   */
  stopped(id: InstanceId): string | null {
    const { runtime } = this.#world;
    if (this.#nowMs - this.#harmedAtMs < HARM_MS) return null;
    const engine = runtime.engines.get(id);
    if (engine?.phase !== "ready" || !this.wasListedReady(id)) return null;
    this.#coverage.count("law", "a stop was judged");
    const recent = this.#recent(engine.spec.service, PLAN_AGE_MS);
    const status = this.#world.store.statuses.get(engine.spec.service);
    const isOut = (of: InstanceId) =>
      recent.some((r) => r?.isolated?.includes(of) === true) ||
      status?.instances.find((i) => i.id === of)?.isIsolated === true ||
      // A detached one serves on until another one is in its place.
      (recent.some((r) => r?.detached?.includes(of) === true) && status?.serving.includes(of) !== true);
    if (isOut(id)) return null; // it served nobody
    const ready = [...runtime.engines.values()].filter(
      (e) =>
        e.spec.service === engine.spec.service &&
        e.spec.id !== id &&
        e.exit === null &&
        e.phase === "ready" &&
        !isOut(e.spec.id),
    );
    const isSoft = recent.some((r) => (r?.softRestarts?.[id] ?? 0) > (engine.spec.softRestart ?? 0));
    const least = Math.min(...recent.map(leastReady)) - (isSoft ? 1 : 0);
    return ready.length < least
      ? `${id} is stopped, and leaves ${ready.length} ready of at least ${least}`
      : null;
  }

  #specs(): InstanceSpec[] {
    const alive = [...this.#world.runtime.engines.values()].filter((e) => e.exit === null).map((e) => e.spec);
    const known = new Set(alive.map((s) => s.id));
    return [...alive, ...[...this.#launching.values()].filter((s) => !known.has(s.id))];
  }

  #look(): void {
    const { services } = this.#world.store.state;
    for (const name of new Set([...services.keys(), ...this.#seen.keys()])) {
      const record = services.get(name) ?? null;
      const seen = this.#seen.get(name) ?? [{ atMs: Number.NEGATIVE_INFINITY, record: null }];
      if (seen.at(-1)!.record !== record) seen.push({ atMs: this.#nowMs, record });
      this.#seen.set(name, seen);
    }
  }

  /** Every record that may have been the newest one known within the last moments. */
  #recent(name: ServiceName, ageMs: number): (ServiceRecord | null)[] {
    const seen = this.#seen.get(name) ?? [{ atMs: 0, record: null }];
    const fromMs = this.#nowMs - ageMs;
    return seen
      .filter((_, i) => (seen[i + 1]?.atMs ?? Number.POSITIVE_INFINITY) >= fromMs)
      .map((s) => s.record);
  }
}

const countOf = (record: ServiceRecord | null) =>
  record?.desired === "running" ? instanceCountOf(record.document) : 0;

function mostAlive(record: ServiceRecord | null): number {
  if (record === null) return 0;
  const count = countOf(record);
  return count + paceOf(parseSpec(record.document).spec.rolling, count).surge;
}

/** Instances of it that have to serve while it is updated. */
export function leastReady(record: ServiceRecord | null): number {
  if (record === null) return 0;
  const count = countOf(record);
  const isolated = record.isolated?.length ?? 0;
  return count - isolated - paceOf(parseSpec(record.document).spec.rolling, count).unavailable;
}

/** Checked when the faults are over and time has passed: each service is as wanted, or says what room it lacks. */
export function tellsWhatBlocksIt({ store }: ControlWorld): string | null {
  for (const { name, desired } of store.state.services.values()) {
    const status = store.statuses.get(name);
    if (status?.phase === (desired === "stopped" ? "Stopped" : "Running")) continue;
    if (status?.reason === "NO_ROOM" && /missing: free room/.test(status.message)) continue;
    return `${name} is ${status?.phase} and says only: ${status?.reason}: ${status?.message}`;
  }
  return null;
}
