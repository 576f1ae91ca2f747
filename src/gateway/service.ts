import type { InstanceId, ServiceName } from "../core/names.ts";
import { chooseByKey } from "../core/traffic/affinity.ts";
import { leastBusy, lessBusyOfTwo } from "../core/traffic/pick.ts";
import { type Balancing, hasLimit, type WorkerShare } from "../core/traffic/policy.ts";
import type { Address } from "../core/traffic/route-table.ts";
import { NO_KEY } from "./client-key.ts";
import { Instance } from "./instance.ts";
import { InstanceList } from "./instance-list.ts";
import { LimitCounts } from "./limit-counts.ts";
import { Meter } from "./meter.ts";
import type { Mirror } from "./mirror.ts";
import type { ServiceEntry } from "./service-entry.ts";
import { ServiceGate } from "./service-gate.ts";

/** The moment at which a table, or a change of one, comes into force: for all that it names at once. */
export interface TableSwitch {
  isMade: boolean;
}

/** What a table says of a service. */
export interface ServiceTerms {
  /** Null: it is gone. */
  readonly route: ServiceEntry | null;
  /** Null: they are made when they are asked for. */
  readonly instances: readonly Instance[] | null;
  /** Of its limits. */
  readonly share: WorkerShare;
}

/** What else a service needs of the routing that it is in. */
export interface ServiceHost {
  /** Even in [0, 1). */
  readonly chance: () => number;
  /** An instance that no table names any more, with requests in flight: named again. */
  revive(id: InstanceId, address: Address): Instance | undefined;
}

const NONE: readonly Instance[] = [];

/** A service as a gateway serves it. Lives as long as tables name it, so that counters and rotation go on over updates. */
export class Service {
  readonly name: ServiceName;
  /** What came to no instance; the rest is counted by each instance. */
  readonly meter = new Meter();
  /** Requests through a group's address since the last report. */
  grouped = 0;
  /** `X-Sluice-Service: <name>` and its line end: says who answered for a group. */
  readonly memberLine: Buffer;
  /** Requests that its limits met, since the last report. */
  readonly limited = new LimitCounts();
  /** Its limits; null: none. */
  gate: ServiceGate | null = null;
  /** Another way to pick than the least in flight. */
  balancing: Balancing | null = null;
  /** No longer named, but with something that was not reported yet. */
  readonly leaving = new Set<Instance>();
  keepaliveMs = 0;
  /** Its instances speak gRPC over HTTP/2. */
  takesGrpc = false;
  /** Its instances speak HTTP/1.1. */
  takesHttp = true;
  /** The body of a signed request is checked against its Content-MD5. */
  isBodyChecked = true;
  inFlight = 0;
  /** Who copies its requests to others; null: nobody. */
  mirror: Mirror | null = null;
  #turn = 0;
  #next: { readonly at: TableSwitch; readonly terms: ServiceTerms } | null = null;
  #list = InstanceList.NONE;
  /** Null: nobody has asked for those of the list yet. */
  #made: readonly Instance[] | null = NONE;
  /** Those of the table before, until they are let go. */
  #former: readonly Instance[] = NONE;
  readonly #host: ServiceHost;

  constructor(name: ServiceName, host: ServiceHost) {
    this.name = name;
    this.#host = host;
    this.memberLine = Buffer.from(`X-Sluice-Service: ${name}\r\n`, "latin1");
  }

  /** Keeps ready what a table says of it, which holds from `at` on. */
  prepare(terms: ServiceTerms, at: TableSwitch): void {
    this.#next = { at, terms };
  }

  /** Goes by the table in force: whoever looks at a service for a request asks for this first. Costs the same whatever is different. */
  follow(): void {
    if (this.#next === null || !this.#next.at.isMade) return;
    const { route, instances, share } = this.#next.terms;
    this.#next = null;
    this.#former = this.made;
    this.#list = route?.instances ?? InstanceList.NONE;
    this.#made = instances;
    if (route === null) return;
    const { policy } = route;
    this.keepaliveMs = route.keepaliveMs;
    this.takesGrpc = route.protocol !== undefined;
    this.takesHttp = route.protocol !== "grpc";
    this.isBodyChecked = route.isBodyChecked;
    this.balancing = policy?.balancing ?? null;
    if (policy === undefined || !hasLimit(policy)) this.gate = null;
    else if (this.gate === null) this.gate = new ServiceGate(policy, share);
    else this.gate.update(policy, share);
  }

  /** Those of the table in force. */
  get instances(): readonly Instance[] {
    return this.#made ?? this.#make();
  }

  #make(): readonly Instance[] {
    const made = this.#list.routes.map(
      ({ id, address }) => this.#host.revive(id, address) ?? new Instance(id, address),
    );
    this.#made = made;
    return made;
  }

  /** Those that somebody has asked for: no other can have had anything to do. */
  get made(): readonly Instance[] {
    return this.#made ?? NONE;
  }

  /** Once after each `follow`: those of the table before that somebody had asked for. */
  takeFormer(): readonly Instance[] {
    const former = this.#former;
    this.#former = NONE;
    return former;
  }

  /** The instance for the next request, `except` left out; null when there is none. `key` is the client's, or NO_KEY. */
  pick(except: Instance | null, key: number): Instance | null {
    this.follow();
    const { instances } = this;
    const left = except === null ? -1 : instances.indexOf(except);
    if (this.balancing !== null) {
      const picked = this.#pickOtherwise(this.balancing, left, key);
      if (picked !== -1) return instances[picked]!;
    }
    this.#turn = this.#turn + 1 < instances.length ? this.#turn + 1 : 0;
    const index = leastBusy(instances, this.#turn, left);
    return index === -1 ? null : instances[index]!;
  }

  /** -1: the least busy one is to be taken. */
  #pickOtherwise(balancing: Balancing, left: number, key: number): number {
    const { instances } = this;
    if (balancing.kind === "random-two")
      return lessBusyOfTwo(instances, this.#host.chance(), this.#host.chance(), left);
    if (key === NO_KEY) return -1;
    const able = instances.filter((instance, i) => i !== left && !instance.isSuspect);
    const chosen = chooseByKey(able, key);
    return chosen === -1 ? -1 : instances.indexOf(able[chosen]!);
  }
}
