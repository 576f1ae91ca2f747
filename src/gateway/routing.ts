import type { DataPathReason } from "../core/errors.ts";
import type { GroupName, InstanceId, ServiceName } from "../core/names.ts";
import type { GroupRoute, RouteChange, RouteTable } from "../core/traffic/route-table.ts";
import { FIELD } from "../http1/field-names.ts";
import { FIELD_STRIDE, type MessageHead } from "../http1/message-head.ts";
import { findField } from "../http1/request-head.ts";
import { ClientKeys } from "./client-key.ts";
import type { Group } from "./group.ts";
import { HostNames } from "./host-names.ts";
import { IdCounts } from "./id-counts.ts";
import type { Instance } from "./instance.ts";
import { Lingering } from "./lingering.ts";
import { RouteIndex } from "./route-index.ts";
import type { Service } from "./service.ts";
import { type CheckedTable, entryOf, isSameGroup, type ServiceEntry } from "./service-entry.ts";
import { finish, type Steps } from "./slices.ts";
import type { CheckedChange, TableInForce } from "./table-check.ts";
import { type Changes, type InForce, switchTable } from "./table-switch.ts";
import { isOpenedBy, signedBodyOf } from "./token.ts";

/** What the table in force says, together with what has to live on from table to table. */
export class Routing implements TableInForce {
  number = 0;
  /** What clients are known by, where that counts. */
  readonly keys: ClientKeys;
  /** Which of the gateway workers this is, from 0: says which part of a limit it has. */
  workerIndex = 0;
  /** How many there are; only whole tables say it. */
  #workerCount = 1;
  readonly hosts = new HostNames(this);
  readonly #inForce: InForce = {
    index: new RouteIndex([]),
    services: new Map(),
    groups: new Map(),
    serviceRoutes: new Map(),
    groupRoutes: new Map(),
    ids: new IdCounts(),
    leaving: new Set(),
    lingering: new Lingering(),
  };

  /** What the last `admit` found: the service, null when none is known, and whether a group's address led to it. */
  admitted: Service | null = null;
  isThroughGroup = false;
  /** Of a signed request, the Content-MD5 that its body is to be checked against; null for all others. */
  bodyMd5: string | null = null;

  readonly #chance: () => number;

  /** `chance` is even in [0, 1). */
  constructor(chance: () => number) {
    this.#chance = chance;
    this.keys = new ClientKeys(chance);
  }

  get index(): RouteIndex {
    return this.#inForce.index;
  }

  get serviceRoutes(): ReadonlyMap<ServiceName, ServiceEntry> {
    return this.#inForce.serviceRoutes;
  }

  get groupRoutes(): ReadonlyMap<GroupName, GroupRoute> {
    return this.#inForce.groupRoutes;
  }

  get ids(): IdCounts {
    return this.#inForce.ids;
  }

  /** Finds the service for the request in `buf`, by address, token and share. Null, or why the request is refused. */
  admit(head: MessageHead, buf: Buffer): DataPathReason | null {
    const refusal = this.#admit(head, buf);
    return refusal === null && !this.admitted!.takesHttp ? "PROTOCOL_MISMATCH" : refusal;
  }

  /** The same for a gRPC call. */
  admitCall(head: MessageHead, buf: Buffer): DataPathReason | null {
    const refusal = this.#admit(head, buf);
    return refusal === null && !this.admitted!.takesGrpc ? "PROTOCOL_MISMATCH" : refusal;
  }

  #admit(head: MessageHead, buf: Buffer): DataPathReason | null {
    this.keys.begin();
    const route = this.index.find(buf, head.pathFrom, head.targetTo);
    this.admitted = route === null ? null : route.service;
    this.isThroughGroup = false;
    if (route === null) return "ROUTE_NOT_FOUND";
    this.admitted?.follow();
    this.bodyMd5 = null;
    if (!isOpenedBy(head, buf, route.tokens)) {
      const md5 = signedBodyOf(head, buf, route.tokens);
      if (md5 === null) return "TOKEN_REQUIRED";
      if (md5 !== "") this.bodyMd5 = md5;
    }
    if (route.group !== null) {
      const { group } = route;
      group.follow();
      this.isThroughGroup = true;
      const forced = findField(head, FIELD.X_SLUICE_MEMBER);
      if (forced !== -1) this.admitted = this.#forcedMember(group, head, buf, forced);
      else if (group.sticky === null) this.admitted = group.pick();
      else this.admitted = group.pickFor(this.keys.read(group.sticky, head, buf));
      if (this.admitted === null) return forced === -1 ? "NO_READY_INSTANCE" : "ROUTE_NOT_FOUND";
      this.admitted.follow();
    }
    return this.admitted!.instances.length === 0 ? "NO_READY_INSTANCE" : null;
  }

  /** `X-Sluice-Member`: the group's token, which alone opens its address, may choose any of its services. */
  #forcedMember(group: Group, head: MessageHead, buf: Buffer, field: number): Service | null {
    const slot = field * FIELD_STRIDE;
    const name = buf.toString("latin1", head.fields[slot + 2]!, head.fields[slot + 3]!);
    return this.index.get(`${group.name}.${name}`)?.service ?? null;
  }

  get services(): Iterable<Service> {
    return this.#inForce.services.values();
  }

  /** The service of an entry in force, when it is in a group and has no share of that; else null. */
  spareOf({ name, group }: ServiceEntry): Service | null {
    if (group === null) return null;
    const { services, groups } = this.#inForce;
    const service = services.get(name);
    return service !== undefined && groups.get(group)?.hasShare(service) === false ? service : null;
  }

  /** Those that have something to report: the named ones, and once more or until they are done those that left. */
  *measured(): Generator<Service> {
    const { services, leaving } = this.#inForce;
    // Each once, also when another table comes into force meanwhile.
    const gone = [...leaving];
    yield* [...services.values()];
    for (const service of gone) {
      yield service;
      if (service.leaving.size === 0) leaving.delete(service);
    }
  }

  /** Puts a good table in force, whole. */
  apply({ number, workerCount = 1, groups, services }: RouteTable): void {
    finish(this.applying({ number, workerCount, groups, services: services.map(entryOf) }));
  }

  /** Puts a good change in force, whole. Costs what is changed. */
  change(change: RouteChange): void {
    finish(this.changing({ ...change, services: change.services.map(entryOf) }));
  }

  /** Puts a checked table in force, in steps. Nothing else may be put in force before its end. Costs what is different. */
  *applying({ number, workerCount, services, groups }: CheckedTable): Steps<void> {
    const now = this.#inForce;
    const serviceNames = yield* namesOf(services);
    const groupNames = yield* namesOf(groups);
    // A service's part of its limits goes by the count.
    const isSameCount = workerCount === this.#workerCount;
    const changes = {
      services: yield* those(services, (s) => !isSameCount || now.serviceRoutes.get(s.name) !== s),
      groups: yield* those(groups, (g) => !isSameGroup(now.groupRoutes.get(g.name), g)),
      goneServices: [...now.serviceRoutes.keys()].filter((name) => !serviceNames.has(name)),
      goneGroups: [...now.groupRoutes.keys()].filter((name) => !groupNames.has(name)),
    };
    yield* this.#switch(changes, number, workerCount);
  }

  /** Puts a checked change in force, in steps. Nothing else may be put in force before its end. */
  changing(change: CheckedChange): Steps<void> {
    return this.#switch(change, change.number, this.#workerCount);
  }

  /** The number comes last: who is told it may rely on all of the table. */
  *#switch(changes: Changes, number: number, workerCount: number): Steps<void> {
    const share = { index: this.workerIndex, count: workerCount };
    yield* switchTable(this.#inForce, changes, share, this.#chance);
    this.#workerCount = workerCount;
    this.number = number;
  }

  /** A request to an instance is over. True when that was the last one to an instance that is no longer named. */
  release(instance: Instance): boolean {
    instance.inFlight--;
    if (instance.isNamed || instance.inFlight > 0) return false;
    this.#inForce.lingering.delete(instance);
    return true;
  }

  /** Requests in flight to instances that the table in force no longer names. */
  lingering(): Record<InstanceId, number> {
    return this.#inForce.lingering.counts();
  }

  /** Of each service with any: requests in flight. */
  inFlight(): Record<ServiceName, number> {
    const counts: Record<ServiceName, number> = {};
    for (const service of this.#inForce.services.values())
      if (service.inFlight > 0) counts[service.name] = service.inFlight;
    return counts;
  }
}

function* those<T>(items: readonly T[], isWanted: (item: T) => boolean): Steps<T[]> {
  const wanted: T[] = [];
  for (const item of items) {
    if (isWanted(item)) wanted.push(item);
    yield;
  }
  return wanted;
}

function* namesOf(items: readonly { readonly name: string }[]): Steps<ReadonlySet<string>> {
  const names = new Set<string>();
  for (const { name } of items) {
    names.add(name);
    yield;
  }
  return names;
}
