import type { InstanceId, ServiceName } from "../core/names.ts";
import type { DesiredState, ServiceRecord, ServiceStatus, ServiceVersion } from "../core/service.ts";
import type { ServiceSpec } from "../core/spec/service-spec.ts";
import { specOf } from "../core/spec/spec-of.ts";
import { type Address, DIRECT_HOST, type InstancePlace } from "../core/traffic/route-table.ts";
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
  readonly #places = new Map<InstanceId, InstancePlace>();
  readonly #placed = new Map<ServiceName, readonly InstanceId[]>();
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

  /** Where the instances of a service are reached that can take requests now. True when that has changed. */
  setReports(service: ServiceName, reports: readonly InstanceReport[]): boolean {
    const ready = reports.filter((r) => r.isAlive && r.state?.phase === "ready");
    const ids = this.#placed.get(service) ?? [];
    const places = ready.map(placeOf);
    const isSame =
      ready.length === ids.length &&
      ready.every(({ spec }, i) => spec.id === ids[i] && isSamePlace(this.#places.get(spec.id), places[i]!));
    if (isSame) return false;
    for (const id of ids) this.#places.delete(id);
    for (const [i, { spec }] of ready.entries()) this.#places.set(spec.id, places[i]!);
    this.#placed.set(
      service,
      ready.map((r) => r.spec.id),
    );
    return true;
  }

  get places(): ReadonlyMap<InstanceId, InstancePlace> {
    return this.#places;
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
    for (const id of this.#placed.get(service) ?? []) this.#places.delete(id);
    this.#placed.delete(service);
    this.#specs.delete(service);
  }
}

function isSamePlace(known: InstancePlace | undefined, place: InstancePlace): boolean {
  return (
    known !== undefined &&
    known.directPort === place.directPort &&
    known.directHost === place.directHost &&
    isSameAddress(known.address, place.address)
  );
}

function isSameAddress(known: Address, address: Address): boolean {
  if (known.kind !== address.kind) return false;
  if (known.kind === "unix") return known.path === (address as typeof known).path;
  const { host, port } = address as typeof known;
  return known.host === host && known.port === port;
}

/** A program of the user's own is not called by clients themselves: it knows neither tokens nor the paths of Sluice. */
function placeOf({ spec, address, state }: InstanceReport): InstancePlace {
  const port = state?.port ?? null;
  if (spec.processor.kind === "command" || port === null) return { address };
  const host = state?.host ?? DIRECT_HOST;
  return { address, directPort: port, ...(host === DIRECT_HOST ? {} : { directHost: host }) };
}
