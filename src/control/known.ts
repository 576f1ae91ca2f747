import type { InstanceId, ServiceName } from "../core/names.ts";
import type { DesiredState, ServiceRecord, ServiceStatus, ServiceVersion } from "../core/service.ts";
import { parseSpec } from "../core/spec/parse.ts";
import type { ServiceSpec } from "../core/spec/service-spec.ts";
import type { Address } from "../core/traffic/route-table.ts";
import type { Log } from "../ports/log.ts";
import type { InstanceReport } from "../ports/runtime.ts";
import type { Store } from "../ports/store.ts";

/**
 * What this process knows of the world, in memory. Statuses stand here before they are stored, and route tables
 * are built from here in one turn of the event loop: so a table can never name an instance that a plan made
 * after it has given up.
 */
export class Known {
  readonly statuses = new Map<ServiceName, ServiceStatus>();
  readonly #addresses = new Map<ServiceName, ReadonlyMap<InstanceId, Address>>();
  readonly #specs = new Map<ServiceName, { readonly key: string; readonly spec: ServiceSpec | null }>();
  readonly #store: Store;
  readonly #log: Log;
  #desired: { readonly revision: number; readonly state: DesiredState } | null = null;

  constructor(store: Store, log: Log) {
    this.#store = store;
    this.#log = log;
  }

  /** All that is wanted, as of the last commit of this process. */
  async desired(): Promise<DesiredState> {
    return this.#desired?.state ?? (await this.refresh());
  }

  /** The same without waiting; null: not read yet. */
  get lastDesired(): DesiredState | null {
    return this.#desired?.state ?? null;
  }

  /** Reads again all that is wanted. */
  async refresh(): Promise<DesiredState> {
    const { revision, state } = await this.#store.readDesired();
    this.setDesired(revision, state);
    return this.#desired!.state;
  }

  /** What is wanted now; `revision` orders what commands that overlap have to say, the highest stands. */
  setDesired(revision: number, state: DesiredState): void {
    if (this.#desired === null || revision >= this.#desired.revision) this.#desired = { revision, state };
  }

  async loadStatuses(): Promise<void> {
    for (const [name, status] of await this.#store.listStatuses()) this.statuses.set(name, status);
  }

  /** Where gateways reach the instances of a service that can take requests now. True when that has changed. */
  setReports(service: ServiceName, reports: readonly InstanceReport[]): boolean {
    const ready = reports.filter((r) => r.isAlive && r.state?.phase === "ready");
    const addresses = new Map(ready.map((r) => [r.spec.id, r.address]));
    const before = this.#addresses.get(service);
    this.#addresses.set(service, addresses);
    return JSON.stringify([...addresses]) !== JSON.stringify([...(before ?? [])]);
  }

  get addresses(): ReadonlyMap<InstanceId, Address> {
    return new Map([...this.#addresses.values()].flatMap((m) => [...m]));
  }

  /** The parsed document of a record; null, and a line in the log, when this version cannot read it. */
  specOf(record: ServiceRecord): ServiceSpec | null {
    const key = `${record.id}/${record.generation}`;
    const cached = this.#specs.get(record.name);
    if (cached?.key === key) return cached.spec;
    let spec: ServiceSpec | null = null;
    try {
      spec = parseSpec(record.document).spec;
    } catch (error) {
      this.#log.error({ service: record.name, err: error }, "a stored document cannot be read");
    }
    this.#specs.set(record.name, { key, spec });
    return spec;
  }

  /** The same of a kept version; not cached, since it is asked for only while a rollout holds instances back. */
  specOfVersion(version: ServiceVersion): ServiceSpec | null {
    try {
      return parseSpec(version.document).spec;
    } catch (error) {
      const { service, version: number } = version;
      this.#log.warn(
        { service, version: number, err: error },
        "the document of a kept version cannot be read",
      );
      return null;
    }
  }

  forget(service: ServiceName): void {
    this.statuses.delete(service);
    this.#addresses.delete(service);
    this.#specs.delete(service);
  }
}
