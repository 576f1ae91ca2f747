import type { InstanceSpec, LimitSpec } from "../core/instance-spec.ts";
import type { InstanceId, ServiceName } from "../core/names.ts";
import { type NodeKind, nodeKind } from "../core/node-kind.ts";
import { type Room, withMore, without } from "../core/plan/room.ts";

/**
 * What is free on the node: its capacity, less what instances that are alive, or are about to be started, ask for. Told by the
 * reconciler whenever it has looked at a service; several services are planned at the same time, so what one plan starts is taken at once.
 */
export class NodeRoom {
  readonly #capacity: () => Room | null;
  readonly #taken = new Map<ServiceName, Map<InstanceId, LimitSpec>>();
  /** Services that had something to start that did not fit. */
  readonly short = new Set<ServiceName>();

  /** `capacity` answers null when it is not known: then nothing is held back. */
  constructor(capacity: () => Room | null) {
    this.#capacity = capacity;
  }

  /** What is free for another instance; null: not known. */
  free(): Room | null {
    const capacity = this.#capacity();
    if (capacity === null) return null;
    const taken = withMore(
      { cpu: 0, memoryMb: 0 },
      [...this.#taken.values()].flatMap((own) => [...own.values()]),
    );
    return without(capacity, taken);
  }

  /** The node with what is free of it; null: not known. */
  kind(gpuCount: number): NodeKind | null {
    return nodeKind(this.#capacity(), this.free(), gpuCount);
  }

  /** What a service has: those alive, and those being started, whose limits are known from their start. */
  look(service: ServiceName, alive: readonly InstanceSpec[], starting: Iterable<InstanceId>): void {
    const before = this.#taken.get(service);
    const now = new Map<InstanceId, LimitSpec>(alive.map((spec) => [spec.id, spec.limits]));
    for (const id of starting) {
      const limits = before?.get(id);
      if (limits !== undefined && !now.has(id)) now.set(id, limits);
    }
    if (now.size === 0) this.#taken.delete(service);
    else this.#taken.set(service, now);
  }

  /** Instances that are about to be started. */
  take(service: ServiceName, specs: readonly InstanceSpec[]): void {
    if (specs.length === 0) return;
    const own = this.#taken.get(service) ?? new Map<InstanceId, LimitSpec>();
    for (const spec of specs) own.set(spec.id, spec.limits);
    this.#taken.set(service, own);
  }

  forget(service: ServiceName): void {
    this.#taken.delete(service);
    this.short.delete(service);
  }
}
