/**
 * What happened in simulated lives, counted: a law that holds says little about what never occurred. Counts stand under a
 * topic; what has to occur, over some hundred lives, is listed here, too.
 */
import type { InstanceId, ServiceName } from "../src/core/names.ts";
import type { NewEvent, ServiceStatus } from "../src/core/service.ts";
import type { ControlWorld } from "../src/testing/control-world.ts";

type Topic =
  | "accepted"
  | "refused"
  | "fault"
  | "action"
  | "service"
  | "instance"
  | "rollout"
  | "event"
  | "law";

/** Has to occur, or the simulation does not look where it says it does. */
const EXPECTED: Readonly<Record<Topic, readonly string[]>> = {
  accepted:
    "create scale scale-away pace rollout pause resume rollout-off plan version block restart stop start delete weight standalone grouping back retire isolate let-back detach soft-restart lock mode token-add token-revoke group-token-add group-token-revoke delete-group".split(
      " ",
    ),
  refused: [
    "SAFETY_LOCKED",
    "VERSION_NOT_RUNNABLE",
    "INVALID_ARGUMENT",
    "SERVICE_NOT_FOUND",
    "SERVICE_DELETING",
  ],
  fault: [
    "instance killed",
    "instance not ready",
    "instance ready again",
    "worker restarted",
    "start failed",
    "slow start",
    "load without end",
    "crash while loading",
    "failed before its end",
    "slow stop",
    "hint lost",
    "hint twice",
    "write failed",
    "slow store",
    "slow list",
    "slow table",
    "control killed",
    "control killed before a write",
    "control killed after a write",
    "gateway killed",
    "link broken",
    "clock forward",
    "clock back",
    "files slow",
    "files broken for good",
    "files broken for now",
    "capacity changed",
  ],
  action: [
    "start new",
    "start again",
    "start base",
    "start stand-in",
    "set-access",
    "stop drained",
    "stop grace-over",
    "stop failed",
    "stop dead",
  ],
  service: [
    "Creating/CREATING",
    "Waiting/WAITING",
    "Waiting/NO_ROOM",
    "Running/RUNNING",
    "Updating/UPDATING",
    "Updating/UPDATE_FAILING",
    "Updating/NO_ROOM",
    "Updating/FETCH_FAILED",
    "Updating/BATCH_WAITING",
    "Scaling/SCALING",
    "Starting/STARTING",
    "Stopping/STOPPING",
    "Stopped/STOPPED",
    "Failed/CRASHING",
    "Failed/CRASH_BLOCKED",
    "Failed/FETCH_FAILED",
    "Deleting/DELETING",
  ],
  instance: [
    "Pending/Pending",
    "Pending/NoRoom",
    "Creating/Starting",
    "Creating/Loading",
    "Running/ready",
    "Running/NotReady",
    "Running/Isolated",
    "Running/Detached",
    "Stopping/Stopping",
    "Stopping/Draining",
    "Stopping/SoftRestart",
    "Failed/Error",
    "Failed/StartFailed",
    "Failed/NoRoom",
  ],
  rollout: ["Pending", "Running", "Paused", "Failed", "held", "waiting for its time"],
  event: [
    "InstanceCrashed",
    "InstanceStarting",
    "InstanceRestarting",
    "InstanceNotReady",
    "InstanceReady",
    "InstanceDraining",
    "InstanceStopped",
    "InstanceKilled",
    "WorkerRestarted",
    "NoReadyInstance",
    "BatchStarted",
    "UpdatePaused",
    "NoRoom",
  ],
  law: [
    "a stop was judged",
    "a stop in the last grace was judged",
    "a drop from the traffic was judged",
    "a start within a full surge was judged",
    "a start on a full node was judged",
    "a held start was judged",
    "an answer was compared",
  ],
};

export class Coverage {
  readonly #counts = new Map<string, number>();

  count(topic: Topic, what: string): void {
    const key = `${topic}: ${what}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  /** What has to occur and did not. */
  missing(): string[] {
    return Object.entries(EXPECTED).flatMap(([topic, all]) =>
      all.map((what) => `${topic}: ${what}`).filter((key) => !this.#counts.has(key)),
    );
  }

  lines(): string[] {
    const width = Math.max(0, ...[...this.#counts.values()].map((n) => String(n).length));
    return [...this.#counts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, n]) => `${String(n).padStart(width)}  ${key}`);
  }

  /** Counts from now on what the planner decides in this world, as the store and the runtime get to see it. */
  watch(world: ControlWorld): void {
    const { store, runtime } = world;
    const { putStatus, addEvents } = store;
    store.putStatus = (service: ServiceName, status: ServiceStatus) => {
      this.#status(status);
      return putStatus.call(store, service, status);
    };
    store.addEvents = (events: readonly NewEvent[]) => {
      for (const { reason } of events) this.count("event", reason);
      return addEvents.call(store, events);
    };
    const { setAccess, stop } = runtime;
    runtime.setAccess = (id, access) => {
      this.count("action", "set-access");
      return setAccess.call(runtime, id, access);
    };
    runtime.stop = (id: InstanceId, graceMs: number) => {
      const engine = runtime.engines.get(id);
      const isFailed = engine?.phase === "failed";
      const how = engine === undefined || engine.exit !== null ? "dead" : isFailed ? "failed" : null;
      this.count("action", `stop ${how ?? (graceMs <= 1_000 ? "grace-over" : "drained")}`);
      return stop.call(runtime, id, graceMs);
    };
  }

  #status({ phase, reason, instances, rollout = null }: ServiceStatus): void {
    this.count("service", `${phase}/${reason}`);
    for (const i of instances) this.count("instance", `${i.phase}/${i.reason || "ready"}`);
    if (rollout === null) return;
    this.count("rollout", rollout.phase);
    if (rollout.isHeld) this.count("rollout", "held");
    if (rollout.nextBatchAtMs !== null) this.count("rollout", "waiting for its time");
  }
}
