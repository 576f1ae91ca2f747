import type { InstanceRoute } from "../core/traffic/route-table.ts";
import { IdCounts } from "./id-counts.ts";
import { InstanceList, placeOf, SEPARATOR } from "./instance-list.ts";
import { type ServiceEntry, settled } from "./service-entry.ts";
import type { Steps } from "./slices.ts";
import { policyProblem } from "./table-check-policy.ts";
import { checkName, checkTokens, type Fields, fieldsOf, listOf, must, TableProblem } from "./table-fields.ts";

/** Longest path of a unix socket: `sun_path` of unix(7) less its final zero. */
const UNIX_PATH_BYTES_MAX = 107;

/** Instances that are checked before the work may be put aside. */
const INSTANCES_A_STEP = 32;

/**
 * The services of a table that comes in: checked one by one, as far as each can be checked without the others, and kept so that little is left
 * of them for the collector. After a {@link TableProblem} there is no going on.
 */
export class ServiceDrafts {
  readonly entries: ServiceEntry[] = [];
  readonly names = new Set<string>();
  readonly #ids = new IdCounts();
  readonly #known: ReadonlyMap<string, ServiceEntry>;

  /** `known` are those in force. */
  constructor(known: ReadonlyMap<string, ServiceEntry>) {
    this.#known = known;
  }

  /** @throws TableProblem */
  *add(value: unknown): Steps<void> {
    const where = `services[${this.entries.length}]`;
    const service = fieldsOf(value, where);
    checkName(service.name, `${where}.name`, this.names);
    const { keepaliveMs } = service;
    checkTokens(service.tokens, `${where}.tokens`);
    const problem = policyProblem(service.policy);
    if (problem !== null) throw new TableProblem(`${where}.policy: ${problem}`);
    const isTime = typeof keepaliveMs === "number" && Number.isFinite(keepaliveMs) && keepaliveMs > 0;
    must(isTime, `${where}.keepaliveMs`, "must be a number of ms above 0");
    must(typeof service.isBodyChecked === "boolean", `${where}.isBodyChecked`, "must be true or false");
    const { protocol } = service;
    const isProtocol = protocol === undefined || protocol === "grpc" || protocol === "both";
    must(isProtocol, `${where}.protocol`, "must be grpc or both, or left out");
    const list = listOf(service.instances, `${where}.instances`);
    const instances = yield* this.#instances(list, where, 0);
    this.#keep({ ...service, instances } as unknown as ServiceEntry, this.entries.length);
  }

  /** Further instances of the last service. @throws TableProblem */
  *addInstances(values: readonly unknown[]): Steps<void> {
    const at = this.entries.length - 1;
    const last = this.entries[at]!;
    const more = yield* this.#instances(values, `services[${at}]`, last.instances.count);
    this.#keep({ ...last, instances: last.instances.and(more) }, at);
  }

  #keep(entry: ServiceEntry, at: number): void {
    this.entries[at] = settled(this.#known.get(entry.name), entry);
  }

  *#instances(values: readonly unknown[], where: string, from: number): Steps<InstanceList> {
    const ids: string[] = [];
    const places: string[] = [];
    for (let i = 0; i < values.length; i++) {
      if (i % INSTANCES_A_STEP === INSTANCES_A_STEP - 1) yield;
      const problem = problemOfInstance(values[i]);
      if (problem !== null) throw new TableProblem(`${where}.instances[${from + i}]${problem}`);
      const route = values[i] as InstanceRoute;
      const { id } = route;
      if (this.#ids.add(id) > 1 && (ids.includes(id) || this.entries.some((e) => e.instances.has(id))))
        throw new TableProblem(`${where}.instances[${from + i}].id: ${id} is used twice`);
      ids.push(id);
      places.push(placeOf(route));
    }
    return InstanceList.ofTexts(ids, places);
  }
}

/** What is wrong, behind where it is; null: nothing. No text is made for a good one, as there are many. */
function problemOfInstance(value: unknown): string | null {
  if (!isFields(value)) return ": must be an object";
  const { id, address, directPort, directHost } = value;
  if (!isText(id)) return ".id: must be a text";
  if (directPort !== undefined && !isPort(directPort)) return ".directPort: must be a port";
  const isHost = directHost === undefined || (isText(directHost) && !directHost.includes(" "));
  if (!isHost) return ".directHost: must be an address";
  if (!isFields(address)) return ".address: must be an object";
  const { kind, path, host, port } = address;
  if (kind === "unix") {
    const isPath = isText(path) && Buffer.byteLength(path) <= UNIX_PATH_BYTES_MAX;
    return isPath ? null : `.address.path: must be a text of at most ${UNIX_PATH_BYTES_MAX} bytes`;
  }
  if (kind !== "tcp") return ".address.kind: must be unix or tcp";
  if (!isText(host)) return ".address.host: must be a text";
  return isPort(port) ? null : ".address.port: must be a port";
}

function isPort(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) < 65536;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Not empty, and without what separates texts in a list. */
function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "" && !value.includes(SEPARATOR);
}
