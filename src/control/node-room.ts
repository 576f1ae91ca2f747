import type { InstanceSpec, LimitSpec } from "../core/instance-spec.ts";
import type { InstanceId, ServiceName } from "../core/names.ts";
import { type NodeKind, nodeKind } from "../core/node-kind.ts";
import { type Room, withMore, without } from "../core/plan/room.ts";

const NONE: Room = { cpu: 0, memoryMb: 0 };

/**
 * What is free on the node: its capacity, less what instances that are alive, or are about to be started, ask for. Told by the
 * reconciler whenever it has looked at a service; several services are planned at the same time, so what one plan starts is taken at once.
 */
export class NodeRoom {
  readonly #capacity: () => Room | null;
  readonly #taken = new Map<ServiceName, Map<InstanceId, LimitSpec>>();
  /** Of each service, so that a look at all of them is short. */
  readonly #sums = new Map<ServiceName, LimitSpec>();
  /** Of all; null: something has changed since it was added up. Added up anew each time, since sums of fractions drift. */
  #total: Room | null = null;
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
    this.#total ??= withMore(NONE, this.#sums.values());
    return without(capacity, this.#total);
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
    this.#set(service, now);
  }

  /** Instances that are about to be started. */
  take(service: ServiceName, specs: readonly InstanceSpec[]): void {
    if (specs.length === 0) return;
    const own = this.#taken.get(service) ?? new Map<InstanceId, LimitSpec>();
    for (const spec of specs) own.set(spec.id, spec.limits);
    this.#set(service, own);
  }

  forget(service: ServiceName): void {
    this.#set(service, new Map());
    this.short.delete(service);
  }

  #set(service: ServiceName, own: Map<InstanceId, LimitSpec>): void {
    if (own.size === 0) {
      this.#taken.delete(service);
      if (this.#sums.delete(service)) this.#total = null;
      return;
    }
    this.#taken.set(service, own);
    const [before, sum] = [this.#sums.get(service), withMore(NONE, own.values())];
    if (before?.cpu === sum.cpu && before.memoryMb === sum.memoryMb) return;
    this.#sums.set(service, sum);
    this.#total = null;
  }
}
