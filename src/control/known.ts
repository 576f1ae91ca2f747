import type { InstanceId, ServiceName } from "../core/names.ts";
import type { DesiredState, ServiceRecord, ServiceStatus, ServiceVersion } from "../core/service.ts";
import type { ServiceSpec } from "../core/spec/service-spec.ts";
import { specOf } from "../core/spec/spec-of.ts";
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
  readonly #statuses = new Map<ServiceName, ServiceStatus>();
  /** Of all services. */
  readonly #addresses = new Map<InstanceId, Address>();
  readonly #addressed = new Map<ServiceName, readonly InstanceId[]>();
  #statusRevision = 0;
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
    for (const [name, status] of await this.#store.listStatuses()) this.setStatus(name, status);
  }

  get statuses(): ReadonlyMap<ServiceName, ServiceStatus> {
    return this.#statuses;
  }

  /** Grows with every change of a status: what was worked out from them is good as long as it stands. */
  get statusRevision(): number {
    return this.#statusRevision;
  }

  setStatus(service: ServiceName, status: ServiceStatus): void {
    if (this.#statuses.get(service) === status) return;
    this.#statuses.set(service, status);
    this.#statusRevision += 1;
  }

  /** Where gateways reach the instances of a service that can take requests now. True when that has changed. */
  setReports(service: ServiceName, reports: readonly InstanceReport[]): boolean {
    const ready = reports.filter((r) => r.isAlive && r.state?.phase === "ready");
    const before = this.#addressed.get(service) ?? [];
    const isSame =
      ready.length === before.length &&
      ready.every(
        ({ spec, address }, i) => spec.id === before[i] && isAt(this.#addresses.get(spec.id), address),
      );
    if (isSame) return false;
    for (const id of before) this.#addresses.delete(id);
    for (const { spec, address } of ready) this.#addresses.set(spec.id, address);
    this.#addressed.set(
      service,
      ready.map((r) => r.spec.id),
    );
    return true;
  }

  get addresses(): ReadonlyMap<InstanceId, Address> {
    return this.#addresses;
  }

  /** The parsed document of a record; null, and a line in the log, when this version cannot read it. */
  specOf(record: ServiceRecord): ServiceSpec | null {
    const key = `${record.id}/${record.generation}`;
    const cached = this.#specs.get(record.name);
    if (cached?.key === key) return cached.spec;
    let spec: ServiceSpec | null = null;
    try {
      spec = specOf(record.document);
    } catch (error) {
      this.#log.error({ service: record.name, err: error }, "a stored document cannot be read");
    }
    this.#specs.set(record.name, { key, spec });
    return spec;
  }

  /** The same of a kept version. */
  specOfVersion(version: ServiceVersion): ServiceSpec | null {
    try {
      return specOf(version.document);
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
    if (this.#statuses.delete(service)) this.#statusRevision += 1;
    for (const id of this.#addressed.get(service) ?? []) this.#addresses.delete(id);
    this.#addressed.delete(service);
    this.#specs.delete(service);
  }
}

function isAt(known: Address | undefined, address: Address): boolean {
  if (known === undefined || known.kind !== address.kind) return false;
  if (known.kind === "unix") return known.path === (address as typeof known).path;
  const { host, port } = address as typeof known;
  return known.host === host && known.port === port;
}
