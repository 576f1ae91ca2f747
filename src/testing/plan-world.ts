/**
 * A small world that carries out plans: instances that load, fail and die, and gateways that let go of an instance some
 * time after it left the table. It checks at each plan what must be true of any plan, whatever the world did before.
 */
import assert from "node:assert/strict";
import { wantedInstances } from "../core/change/slots.ts";
import type { InstanceSpec, InstanceState } from "../core/instance-spec.ts";
import type { InstanceId } from "../core/names.ts";
import { planInstances } from "../core/plan/instances.ts";
import type { FilesState, ObservedInstance, Plan, PlanInput, Routing } from "../core/plan/plan-input.ts";
import { type Room, withMore, without } from "../core/plan/room.ts";
import { OPEN_RULE } from "../core/rollout.ts";
import type { InstanceExit, ServiceRecord, ServiceStatus } from "../core/service.ts";
import { amountOf, type Pace, paceOf } from "../core/spec/rolling.ts";
import type { ServiceSpec } from "../core/spec/service-spec.ts";
import { recordOf, specOf } from "./records.ts";

interface Engine {
  readonly spec: InstanceSpec;
  startedAtMs: number;
  phase: "loading" | "ready" | "unready" | "draining" | "failed" | "dead";
  endedAtMs: number;
  /** Processor workers that it had to start again; 0 when not set. */
  workerRestarts?: number;
  /** What else its engine says of itself. */
  said?: Pick<InstanceState, "stages" | "memory" | "note">;
}

export class PlanWorld {
  nowMs = 1_000_000;
  record: ServiceRecord | null = recordOf("a", { instanceCount: 2 });
  spec: ServiceSpec = specOf({ name: recordOf("a").name, instanceCount: 2 });
  /** Null: nothing is held back for want of room. */
  capacity: Room | null = null;
  files: FilesState = { kind: "ready", progress: [], processorPath: "/p", modelPath: null };
  /** Versions whose instances never get ready. */
  readonly broken = new Set<number>();
  readonly engines = new Map<InstanceId, Engine>();
  /** Named by tables that may be in force, and with requests in flight. */
  routed = new Set<InstanceId>();
  draining = new Set<InstanceId>();
  readonly failedStarts = new Map<InstanceId, string>();
  readonly busy = new Map<InstanceId, "starting" | "stopping">();
  status: ServiceStatus | null = null;

  input(): PlanInput {
    const { record, spec, files } = this;
    return {
      wanted: record === null ? null : { record, spec, tokens: ["t"], files, base: this.#base(record) },
      observed: [...this.engines.values()].map(observe),
      busy: new Map(this.busy),
      failedStarts: new Map(this.failedStarts),
      previous: this.status,
      routing: (id) => this.routing(id),
      room: this.room,
      nowMs: this.nowMs,
    };
  }

  #base(record: ServiceRecord) {
    if (!record.updatingFrom) return null;
    return {
      record: { ...record, ...record.updatingFrom },
      spec: this.spec,
      tokens: ["t"],
      files: this.files,
    };
  }

  /** What the living leave free. */
  get room(): Room | null {
    if (this.capacity === null) return null;
    const taken = withMore(
      { cpu: 0, memoryMb: 0 },
      this.alive.map((e) => e.spec.limits),
    );
    return without(this.capacity, taken);
  }

  get pace(): Pace {
    return paceOf(this.spec.rolling, this.count);
  }

  /** Instances of the version in force that a rollout lets be, at most. */
  get updatedMax(): number {
    const { record, count } = this;
    if (!record?.updatingFrom) return count;
    const kept = amountOf((record.rollout ?? OPEN_RULE).partition, count, Math.ceil);
    return Math.max(0, count - kept);
  }

  routing(id: InstanceId): Routing {
    return this.routed.has(id) ? "routed" : this.draining.has(id) ? "draining" : "released";
  }

  get count(): number {
    return this.record?.desired === "running" ? this.spec.instanceCount : 0;
  }

  get alive(): Engine[] {
    return [...this.engines.values()].filter((e) => e.phase !== "dead");
  }

  /** Kept for inspection by order. */
  isDetached(id: InstanceId): boolean {
    return this.record?.desired === "running" && this.record.detached?.includes(id) === true;
  }

  /** By order, or since it was one of the version before. */
  isIsolated(id: InstanceId): boolean {
    return (
      this.record?.isolated?.includes(id) === true ||
      this.status?.instances.some((i) => i.id === id && i.isIsolated) === true
    );
  }

  /** Plans, checks the plan, and carries it out; the gateways follow only with {@link publish}. */
  plan(): Plan {
    const input = this.input();
    const plan = planInstances(input);
    const isPaused = this.record?.rollout?.isPaused === true && this.record.desired === "running";
    const step = plan.status?.rollout ?? null;
    const isSame = step?.version === this.status?.rollout?.version;
    if (!isPaused || step === null || !isSame) this.pausedAt = null;
    if (isPaused && step !== null) {
      assert.ok(this.pausedAt === null || step.wantedCount <= this.pausedAt, "a paused rollout goes on");
      this.pausedAt = step.wantedCount;
    }
    this.check(plan, this.status?.serving ?? null);
    this.failedStarts.clear();
    const status = plan.status;
    this.status = status;
    if (plan.isUpdateDone) this.record = { ...this.record!, updatingFrom: null };
    for (const id of status?.serving ?? []) this.routed.add(id); // published at once, acknowledged or not
    for (const action of plan.actions) {
      if (action.kind === "start") {
        this.engines.set(action.spec.id, {
          spec: action.spec,
          startedAtMs: this.nowMs,
          phase: "loading",
          endedAtMs: 0,
        });
      } else if (action.kind === "set-access") {
        const engine = this.engines.get(action.id)!;
        this.engines.set(action.id, { ...engine, spec: { ...engine.spec, ...action.access } });
      } else if (this.engines.get(action.id)?.phase === "dead") {
        this.engines.delete(action.id);
      } else {
        this.busy.set(action.id, "stopping");
        const engine = this.engines.get(action.id)!;
        engine.phase = "draining";
      }
    }
    return plan;
  }

  /** Stops come to their end. */
  finishStops(): void {
    for (const id of this.busy.keys()) this.engines.delete(id);
    this.busy.clear();
  }

  /** Every gateway acknowledges the newest table; `isDrained`: and has nothing in flight to others. */
  publish(isDrained: boolean): void {
    const serving = new Set(this.status?.serving);
    for (const id of this.routed) if (!serving.has(id) && !isDrained) this.draining.add(id);
    if (isDrained) this.draining.clear();
    this.routed = serving;
  }

  /** Loading ends: ready, or for a broken version a crash; and checks that failed are good again. */
  finishLoading(): void {
    for (const engine of this.engines.values()) {
      if (engine.phase === "unready") engine.phase = "ready";
      if (engine.phase !== "loading") continue;
      if (this.broken.has(engine.spec.version)) this.crash(engine.spec.id);
      else engine.phase = "ready";
    }
  }

  /** A readiness check fails. */
  turnUnready(id: InstanceId): void {
    const engine = this.engines.get(id);
    if (engine?.phase === "ready") engine.phase = "unready";
  }

  crash(id: InstanceId): void {
    const engine = this.engines.get(id);
    if (engine === undefined || engine.phase === "dead") return;
    engine.phase = "dead";
    engine.endedAtMs = this.nowMs;
  }

  /** Runs until three plans in a row do and change nothing; fails when that does not happen. */
  settle(): void {
    let quiet = 0;
    for (let i = 0; i < 400 && quiet < 3; i++) {
      const before = JSON.stringify(this.status);
      const { actions } = this.plan();
      quiet = actions.length === 0 && JSON.stringify(this.status) === before ? quiet + 1 : 0;
      this.finishLoading();
      this.publish(true);
      this.finishStops();
      this.nowMs += 61_000; // past every backoff and grace
    }
    assert.equal(quiet, 3, `does not settle: ${JSON.stringify(this.status)}`);
  }

  #isCurrent(spec: InstanceSpec): boolean {
    return spec.version === this.record?.version && spec.epoch === this.record.epoch;
  }

  /** A start of the version in force goes no further than the rollout lets it. */
  #checkRollout(spec: InstanceSpec): void {
    const { record } = this;
    if (!record?.updatingFrom || !this.#isCurrent(spec)) return;
    const slots = [...wantedInstances(record, this.updatedMax).keys()];
    assert.ok(slots.includes(spec.id), `${spec.id} is started behind the partition`);
    if (!record.rollout?.isPaused || this.pausedAt === null) return;
    const begun = [...wantedInstances(record, this.pausedAt).keys()];
    assert.ok(begun.includes(spec.id), `${spec.id} is begun although the rollout is paused`);
  }

  /** How far the rollout was when the first plan after its pause was made; null: it is not paused. */
  pausedAt: number | null = null;

  private check(plan: Plan, before: readonly InstanceId[] | null): void {
    const { alive, count } = this;
    const starts = plan.actions.filter((a) => a.kind === "start");
    const isAlive = (id: InstanceId) => alive.some((e) => e.spec.id === id);
    for (const s of starts) assert.ok(!this.isDetached(s.spec.id), `${s.spec.id} is started and is detached`);
    for (const s of starts)
      assert.ok(!this.busy.has(s.spec.id), `${s.spec.id} is started while it is stopped`);
    for (const s of starts) assert.ok(!isAlive(s.spec.id), `${s.spec.id} is started while it runs`);
    if (starts.length > 0) {
      const most = count + this.pace.surge;
      const ours = alive.filter((e) => !this.isDetached(e.spec.id)).length;
      assert.ok(ours + starts.length <= most, `surge: ${ours}+${starts.length} of ${most}`);
    }
    const room = this.room;
    if (room !== null && starts.length > 0) {
      const left = starts.reduce((r, s) => without(r, s.spec.limits), room);
      assert.ok(
        left.cpu >= 0 && left.memoryMb >= 0,
        `room: ${starts.length} starts in ${JSON.stringify(room)}`,
      );
    }
    for (const s of starts) this.#checkRollout(s.spec);
    for (const stop of plan.actions) {
      if (stop.kind !== "stop" || !isAlive(stop.id)) continue;
      assert.ok(!this.busy.has(stop.id), `${stop.id} is stopped while that is under way`);
      assert.ok(!this.isDetached(stop.id), `${stop.id} is stopped and is detached`);
      const engine = this.engines.get(stop.id)!;
      if (stop.why === "drained")
        assert.equal(this.routing(stop.id), "released", `${stop.id} is stopped while used`);
      else if (stop.why === "failed") assert.equal(engine.phase, "failed");
      else assert.equal(stop.why, "grace-over");
    }
    if (plan.status === null) return;
    for (const { facts } of plan.events) {
      assert.equal(facts?.wantedCount, count, "an event does not say what it was decided from");
      assert.equal(facts.servingCount, plan.status.serving.length);
    }
    const { serving } = plan.status;
    const usable = alive.filter((e) => e.phase === "ready" && !this.busy.has(e.spec.id));
    for (const id of serving)
      assert.ok(
        usable.some((e) => e.spec.id === id),
        `${id} serves but is not ready`,
      );
    const { record } = this;
    const isolatedCount = plan.status.instances.filter((i) => i.isIsolated && !i.isDetached).length;
    const isSoft = plan.status.instances.some((i) => i.reason === "SoftRestart" || i.reason === "Stopping");
    const mayServe = usable.filter(({ spec: { id } }) => !this.isDetached(id) && !this.isIsolated(id));
    const least = Math.min(
      count - isolatedCount - this.pace.unavailable - (record?.softRestarts && isSoft ? 1 : 0),
      mayServe.length - (record?.softRestarts && isSoft ? 1 : 0),
    );
    for (const id of record?.isolated ?? []) assert.ok(!serving.includes(id), `${id} serves and is isolated`);
    for (const id of serving.filter((s) => this.isDetached(s)))
      assert.ok(!before || before.includes(id), `${id} is detached and serves again`);
    assert.ok(serving.length >= least, `${serving.length} serve, ${least} could and should`);
    assert.ok(serving.length <= count, "no more serve than are wanted");
    for (const a of plan.actions) if (a.kind === "stop") assert.ok(!serving.includes(a.id));
  }
}

function observe(engine: Engine): ObservedInstance {
  const { spec, phase, startedAtMs, endedAtMs } = engine;
  if (phase === "dead") {
    const exit: InstanceExit = {
      code: 1,
      signal: null,
      reason: "Error",
      message: "",
      startedAtMs,
      finishedAtMs: endedAtMs,
    };
    return { spec, isAlive: false, pid: null, startedAtMs, state: null, exit };
  }
  const workers = {
    workersReady: phase === "ready" ? 1 : 0,
    workersTotal: 1,
    workerRestarts: engine.workerRestarts ?? 0,
  };
  const state = { phase, message: "", port: 4000, ...workers, ...engine.said, updatedAtMs: startedAtMs };
  return { spec, isAlive: true, pid: 7, startedAtMs, state, exit: null };
}
