/**
 * Laws about what leaves the traffic by a plan, checked when its status is written and when a stop begins. Unlike the laws about
 * starts and stops they hold whatever else goes wrong: each judges one plan by what that plan could know.
 */
import { wantedInstances } from "../src/core/change/slots.ts";
import type { InstanceId, ServiceName } from "../src/core/names.ts";
import type { InstanceStatus, ServiceStatus } from "../src/core/service.ts";
import { parseSpec } from "../src/core/spec/parse.ts";
import { paceOf } from "../src/core/spec/rolling.ts";
import type { ControlWorld } from "../src/testing/control-world.ts";
import type { Coverage } from "./coverage.ts";
import { LAST_GRACE_MS } from "./invariants.ts";
import { leastReady, type ReplacementLaws } from "./replacement-laws.ts";

/** A status is written so much later than it was planned, at most: its events come before it. */
const WRITE_MS = 1_000;

export class TrafficLaws {
  readonly #world: ControlWorld;
  readonly #laws: ReplacementLaws;
  readonly #coverage: Coverage;
  /** What served, by the plan before. */
  readonly #serving = new Map<ServiceName, readonly InstanceId[]>();
  /** When it was first seen to leave for good, and in which life of the control process. */
  readonly #leaving = new Map<InstanceId, { readonly atMs: number; readonly life: number }>();
  #life = 1;

  constructor(
    world: ControlWorld,
    laws: ReplacementLaws,
    coverage: Coverage,
    note: (broken: string | null) => void,
  ) {
    this.#world = world;
    this.#laws = laws;
    this.#coverage = coverage;
    const { store } = world;
    const { putStatus } = store;
    store.putStatus = (service: ServiceName, status: ServiceStatus) => {
      note(this.#droppedEarly(service, status));
      this.#look(service, status);
      return putStatus.call(store, service, status);
    };
  }

  /** Something was planned whose status will never be seen here: the next ones are compared with nothing. */
  unsure(): void {
    this.#serving.clear();
  }

  /** The control process was killed. */
  killed(): void {
    this.unsure();
    this.#life += 1;
  }

  /**
   * A plan that takes an instance out of the traffic that could serve on leaves as many as are wanted, less the unavailable, those
   * that are out by order, and one whose soft restart this is; while an update fails, as many as are wanted. One leaves for its soft
   * restart only as long as all others serve. And no more serve than are wanted.
   */
  #droppedEarly(service: ServiceName, status: ServiceStatus): string | null {
    const before = this.#serving.get(service);
    const record = this.#laws.recordOf(service, status.observedGeneration);
    if (record === null || record.desired !== "running") return null;
    const { instanceCount, rolling } = parseSpec(record.document).spec;
    if (status.serving.length > instanceCount)
      return `${status.serving.length} of ${service} serve, of ${instanceCount}`;
    const full = instanceCount - (record.isolated?.length ?? 0);
    const isLeaving = ({ id, reason }: InstanceStatus) =>
      reason === "SoftRestart" && this.#laws.wasListedReady(id);
    const soon = status.instances.find((i) => isLeaving(i) && i.isIsolated !== true);
    if (soon !== undefined && status.serving.length < full - 1)
      return `${soon.id} leaves for its soft restart, and ${status.serving.length} serve, of ${full}`;
    if (before === undefined) return null;
    const isOut = (id: InstanceId) =>
      record.isolated?.includes(id) === true ||
      record.detached?.includes(id) === true ||
      status.instances.find((i) => i.id === id)?.isIsolated === true;
    const dropped = before.filter(
      (id) => !status.serving.includes(id) && this.#laws.wasListedReady(id) && !isOut(id),
    );
    if (dropped.length === 0) return null;
    this.#coverage.count("law", "a drop from the traffic was judged");
    const { surge } = paceOf(rolling, instanceCount);
    const begun = wantedInstances(record, Math.min(instanceCount, status.rollout?.wantedCount ?? 0));
    const isFailed = (i: InstanceStatus) =>
      i.phase === "Failed" && i.readySinceMs === null && begun.has(i.id);
    const isOlder = (id: InstanceId) =>
      status.instances.some((i) => i.id === id && i.version !== record.version);
    const isFailing = status.instances.some(isFailed) && dropped.some(isOlder);
    // Where nothing could be started otherwise, one goes all the same.
    const isHeld = isFailing && surge > 0 && this.#world.capacity === null;
    if (isHeld && status.serving.length < full)
      return `${dropped.join(", ")} left the traffic, although the update of ${service} fails`;
    const soft = dropped.filter((id) => record.softRestarts?.[id] !== undefined).length;
    const least = leastReady(record) - Math.min(1, soft);
    return status.serving.length < least
      ? `${dropped.join(", ")} left the traffic, and ${status.serving.length} serve, of at least ${least}`
      : null;
  }

  #look(service: ServiceName, status: ServiceStatus): void {
    this.#serving.set(service, status.serving);
    for (const { id, drainingSinceMs } of status.instances) {
      if (drainingSinceMs === null) this.#leaving.delete(id);
      else if (!this.#leaving.has(id))
        this.#leaving.set(id, { atMs: this.#world.clock.monotonic(), life: this.#life });
    }
  }

  /**
   * Checked when a stop begins with the last, short grace: the instance has failed, or has been leaving for its whole grace. Not
   * over a restart of the control process, since waits are kept by the wall clock, and that may have jumped.
   */
  stopped(id: InstanceId, graceMs: number): string | null {
    const { runtime, store, clock } = this.#world;
    const engine = runtime.engines.get(id);
    const since = this.#leaving.get(id);
    if (graceMs > LAST_GRACE_MS || engine === undefined || engine.phase === "failed") return null;
    if (engine.readyAtMs === null) return null; // it served nobody yet
    const record = store.state.services.get(engine.spec.service);
    if (record === undefined || since?.life !== this.#life) return null;
    this.#coverage.count("law", "a stop in the last grace was judged");
    const graceOfIt = this.#laws.leastGraceMs(engine.spec.service);
    const forMs = clock.monotonic() - since.atMs + WRITE_MS;
    return forMs < graceOfIt
      ? `${id} is stopped for good after ${forMs} ms of its grace of ${graceOfIt}`
      : null;
  }
}
