import type { InstanceId } from "../core/names.ts";
import type { Address } from "../core/traffic/route-table.ts";
import { type Instance, isSameAddress } from "./instance.ts";

/** Instances that the table in force no longer names, with requests in flight. One id may have had several addresses. */
export class Lingering {
  readonly #byId = new Map<InstanceId, Set<Instance>>();

  add(instance: Instance): void {
    const same = this.#byId.get(instance.id) ?? new Set();
    this.#byId.set(instance.id, same.add(instance));
  }

  /** It has nothing in flight any more, or is named again. */
  delete(instance: Instance): void {
    const same = this.#byId.get(instance.id);
    if (same?.delete(instance) && same.size === 0) this.#byId.delete(instance.id);
  }

  has(id: InstanceId): boolean {
    return this.#byId.has(id);
  }

  find(id: InstanceId, address: Address): Instance | undefined {
    const same = this.#byId.get(id);
    return same === undefined ? undefined : [...same].find((i) => isSameAddress(i.address, address));
  }

  /** The one at this address is named again. */
  revive(id: InstanceId, address: Address): Instance | undefined {
    const instance = this.find(id, address);
    if (instance === undefined) return undefined;
    instance.comeBack();
    this.delete(instance);
    return instance;
  }

  /** Requests in flight. */
  counts(): Record<InstanceId, number> {
    const counts: Record<InstanceId, number> = {};
    for (const [id, same] of this.#byId) for (const i of same) counts[id] = (counts[id] ?? 0) + i.inFlight;
    return counts;
  }
}
