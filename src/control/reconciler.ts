import { finishRemoval } from "../core/change/remove.ts";
import { finishUpdate } from "../core/change/rollout.ts";
import type { ServiceName } from "../core/names.ts";
import { planInstances } from "../core/plan/instances.ts";
import type { Action, FilesState, Plan, Wanted } from "../core/plan/plan-input.ts";
import type { Change, DesiredState, NewEvent, ServiceRecord, ServiceStatus } from "../core/service.ts";
import { runBy } from "../core/spec/classify.ts";
import type { ServiceSpec } from "../core/spec/service-spec.ts";
import { groupOpenersOf, openersOf } from "../core/traffic/table.ts";
import type { RuntimeDriver } from "../ports/runtime.ts";
import type { Store } from "../ports/store.ts";
import type { FilePreparation } from "./file-preparation.ts";
import type { Known } from "./known.ts";
import type { Outcome } from "./loop.ts";
import type { NodeRoom } from "./node-room.ts";
import type { Operations } from "./operations.ts";
import type { Publisher } from "./publisher.ts";

export interface ReconcilerDeps {
  readonly store: Store;
  readonly runtime: RuntimeDriver;
  readonly known: Known;
  readonly operations: Operations;
  readonly files: FilePreparation;
  readonly publisher: Publisher;
  readonly room: NodeRoom;
  /** See steadyTime. */
  readonly steadyNow: () => number;
  readonly wallNow: () => number;
  /** Something that a route table is made of has changed. */
  readonly onRoutesChanged: (cause: string) => void;
  /** Commits changes decided on the newest state; see Commands. */
  readonly commit: (decide: (state: DesiredState) => readonly Change[]) => Promise<void>;
}

/** Events that could not be stored yet, for each service: what a disk that is full for a while must not lose at once. */
const UNSAVED_EVENTS_MAX = 100;
/** Files of a stopped or deleted service are not looked at. */
const NO_FILES: FilesState = { kind: "fetching", progress: [] };

/**
 * Makes what is so of one service into what is wanted, one run at a time: reads both, plans, writes the status
 * down, and begins the actions. The status is durable before anything is stopped, so that another life of this
 * process never routes to what this one has given up.
 */
export class Reconciler {
  readonly #deps: ReconcilerDeps;
  /** Services that wait for gateways to let go of an instance. */
  readonly #waiting = new Set<ServiceName>();
  /** What the store has, and its text. */
  readonly #stored = new Map<ServiceName, { readonly status: ServiceStatus; readonly text: string }>();
  readonly #unsaved = new Map<ServiceName, NewEvent[]>();

  constructor(deps: ReconcilerDeps) {
    this.#deps = deps;
  }

  /** Services whose plans wait for a gateway. */
  get waiting(): readonly ServiceName[] {
    return [...this.#waiting];
  }

  async reconcile(name: ServiceName): Promise<Outcome> {
    const { runtime, known, operations, publisher, room, steadyNow } = this.#deps;
    const record = (await known.desired()).services.get(name) ?? null;
    // What ends while the list is made is still busy for this plan: the list may be from before or after.
    const busyBefore = operations.busy(name);
    const observed = await runtime.list(name);
    if (known.setReports(name, observed)) this.#deps.onRoutesChanged(`addresses of ${name}`);
    const busy = new Map([...busyBefore, ...operations.busy(name)]);
    if (record === null && observed.length === 0 && busy.size === 0) return this.#forget(name);

    const failedStarts = operations.failedStarts(name);
    const wanted = record === null ? null : await this.#wanted(record);
    const starting = [...busy].flatMap(([id, work]) => (work === "starting" ? [id] : []));
    room.look(
      name,
      observed.filter((o) => o.isAlive).map((o) => o.spec),
      starting,
    );
    const plan = planInstances({
      wanted,
      observed,
      busy,
      failedStarts,
      previous: known.statuses.get(name) ?? null,
      routing: (id) => publisher.routing(id),
      room: room.free(),
      nowMs: steadyNow(),
    });
    // Before anything is waited for: other services are planned meanwhile.
    room.take(
      name,
      plan.actions.flatMap((a) => (a.kind === "start" ? [a.spec] : [])),
    );
    if (plan.isShortOfRoom) room.short.add(name);
    else room.short.delete(name);
    operations.forgetFailedStarts(name, failedStarts.keys());
    if (record?.desired !== "running") this.#deps.files.forget(name);
    await this.#keep(name, plan);
    if (plan.actions.some((a) => a.kind === "start") && !(await this.#isCurrent(record))) {
      return { kind: "recheck", inMs: 0, text: "changed while planning" };
    }
    for (const action of plan.actions) this.#begin(name, action);

    const isGone = observed.length === 0 && busy.size === 0;
    if (record?.desired === "deleted" && isGone) return await this.#remove(record);
    if (record !== null && plan.isUpdateDone) {
      await this.#deps.commit((state) => finishUpdate(state, name, record.generation));
    }
    return this.#outcome(name, plan);
  }

  async #wanted(record: ServiceRecord): Promise<Wanted> {
    const { known, files } = this.#deps;
    const spec = known.specOf(record);
    if (spec === null) throw new Error(`the stored document of ${record.name} cannot be read; update it`);
    const state = await known.desired();
    const group = record.group === null ? undefined : state.groups.get(record.group);
    const access = {
      tokens: openersOf(record, group),
      groupTokens: group === undefined ? [] : groupOpenersOf(group),
    };
    const isRunning = record.desired === "running";
    const base = isRunning ? this.#baseOf(record, spec, access, state) : null;
    if (base === null) files.forgetBefore(record.name);
    return { record, spec, ...access, files: isRunning ? files.stateOf(record, spec) : NO_FILES, base };
  }

  /**
   * The version before, while a rollout may hold instances back at it: what an instance runs is as it was then, and all else as it is
   * now.
   */
  #baseOf(
    record: ServiceRecord,
    now: ServiceSpec,
    access: Pick<Wanted, "tokens" | "groupTokens">,
    state: DesiredState,
  ): Wanted | null {
    const { known, files } = this.#deps;
    const from = record.updatingFrom;
    if (!from || !record.rollout) return null;
    const version = state.versions.get(record.name)?.find((v) => v.version === from.version);
    const then = version === undefined ? null : known.specOfVersion(version);
    if (then === null) return null;
    const spec: ServiceSpec = { ...now, ...runBy(then) };
    const base = { ...record, ...from };
    return { record: base, spec, ...access, files: files.stateOf(base, spec, "before") };
  }

  /** Memory first, so that the next table is made from it; then disk. */
  async #keep(name: ServiceName, plan: Plan): Promise<void> {
    const { known, wallNow, onRoutesChanged } = this.#deps;
    const before = known.statuses.get(name);
    const stored = this.#stored.get(name);
    const text = plan.status === null ? null : JSON.stringify(plan.status);
    // Nothing is new, as nearly always: what others worked out from the status stays good.
    const isNews = stored === undefined || stored.text !== text || stored.status !== before;
    if (plan.status !== null && isNews) known.setStatus(name, plan.status);
    if (before?.serving.join() !== plan.status?.serving.join()) onRoutesChanged(`instances of ${name}`);
    const atMs = wallNow();
    const events = [...(this.#unsaved.get(name) ?? []), ...plan.events.map((e) => ({ ...e, atMs }))];
    const eventsKept = events.length > 0 ? this.#addEvents(name, events) : null;
    // Asked for together, so that a store can make both durable at once.
    const statusKept =
      plan.status !== null && text !== null && isNews ? this.#putStatus(name, plan.status, text) : null;
    const outcomes = await Promise.allSettled([eventsKept, statusKept]);
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  }

  async #addEvents(name: ServiceName, events: readonly NewEvent[]): Promise<void> {
    this.#unsaved.set(name, events.slice(-UNSAVED_EVENTS_MAX));
    await this.#deps.store.addEvents(events);
    this.#unsaved.delete(name);
  }

  async #putStatus(name: ServiceName, status: ServiceStatus, text: string): Promise<void> {
    // `stale`: a command came in between, and has woken this key.
    if (this.#stored.get(name)?.text !== text) await this.#deps.store.putStatus(name, status);
    this.#stored.set(name, { status, text });
  }

  /** The statuses that were read from the store: a start writes none of them again. */
  adopt(): void {
    for (const [name, status] of this.#deps.known.statuses)
      this.#stored.set(name, { status, text: JSON.stringify(status) });
  }

  /** A command may have come while the status was written: what it wants is planned anew before anything is started. */
  async #isCurrent(record: ServiceRecord | null): Promise<boolean> {
    if (record === null) return true;
    const now = (await this.#deps.known.desired()).services.get(record.name);
    return now?.generation === record.generation;
  }

  #begin(name: ServiceName, action: Action): void {
    const { operations } = this.#deps;
    if (action.kind === "start") operations.start(action.spec);
    else if (action.kind === "set-access") operations.setAccess(action.id, action.access);
    else operations.stop(action.id, name, action.graceMs);
  }

  async #remove({ name }: ServiceRecord): Promise<Outcome> {
    const nowMs = this.#deps.wallNow();
    await this.#deps.commit((state) => finishRemoval(state, name, { nowMs }));
    return this.#forget(name);
  }

  #forget(name: ServiceName): Outcome {
    this.#deps.known.forget(name);
    this.#deps.files.forget(name);
    this.#deps.room.forget(name);
    this.#waiting.delete(name);
    this.#stored.delete(name);
    this.#unsaved.delete(name);
    return { kind: "finished", text: "nothing is left of it" };
  }

  #outcome(name: ServiceName, plan: Plan): Outcome {
    const isDraining = plan.status?.instances.some((i) => i.drainingSinceMs !== null) ?? true;
    if (isDraining) this.#waiting.add(name);
    else this.#waiting.delete(name);
    const text =
      plan.status === null ? "leftovers are going" : `${plan.status.phase}: ${plan.status.message}`;
    const waits: number[] = [];
    if (plan.recheckAtMs !== null) waits.push(Math.max(0, plan.recheckAtMs - this.#deps.steadyNow()));
    const retry = this.#deps.files.retryInMs(name);
    if (retry !== null) waits.push(retry);
    return waits.length === 0
      ? { kind: "settled", text }
      : { kind: "recheck", inMs: Math.min(...waits), text };
  }
}
