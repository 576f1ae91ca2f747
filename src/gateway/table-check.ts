import type { GroupName, ServiceName } from "../core/names.ts";
import type { GroupRoute, RouteChange } from "../core/traffic/route-table.ts";
import { IdCounts } from "./id-counts.ts";
import { eachId } from "./instance-list.ts";
import { ServiceDrafts } from "./service-drafts.ts";
import type { CheckedTable, ServiceEntry } from "./service-entry.ts";
import { finish, type Steps } from "./slices.ts";
import { affinityProblem } from "./table-check-policy.ts";
import { checkName, checkTokens, type Fields, fieldsOf, listOf, must, TableProblem } from "./table-fields.ts";

/** Members of one group that are checked before the work may be put aside. */
const MEMBERS_A_STEP = 32;

/** What a gateway holds of the table in force, as far as another can contradict it or say the same. */
export interface TableInForce {
  readonly number: number;
  readonly serviceRoutes: ReadonlyMap<ServiceName, ServiceEntry>;
  readonly groupRoutes: ReadonlyMap<GroupName, GroupRoute>;
  /** Of the instances of all services. */
  readonly ids: IdCounts;
}

/** No table. */
const NOTHING: Pick<TableInForce, "number" | "serviceRoutes"> = { number: 0, serviceRoutes: new Map() };

/** A checked change whose services are as a worker keeps them. */
export interface CheckedChange extends Omit<RouteChange, "services"> {
  readonly services: readonly ServiceEntry[];
}

/** A table or a change of one that has come, its services taken in already. */
export interface Draft {
  readonly services: ServiceDrafts;
  /** The rest of it, not checked. */
  readonly fields: Fields;
}

/** Takes in the services of what came in one piece. @throws TableProblem */
export function* drafting(
  value: unknown,
  what: "table" | "change",
  now: Pick<TableInForce, "serviceRoutes">,
): Steps<Draft> {
  const fields = fieldsOf(value, what);
  const services = new ServiceDrafts(now.serviceRoutes);
  for (const service of listOf(fields.services, "services")) {
    yield* services.add(service);
    yield;
  }
  return { services, fields };
}

/**
 * Checks a table from the control process whole, before any of it is in force. Gives the table, or the reason for a `nack`.
 * The control process is ours, but a table that cannot be served must never replace one that can.
 */
export function checkTable(value: unknown, numberInForce: number): CheckedTable | string {
  const now = { ...NOTHING, number: numberInForce };
  return finish(
    told(function* () {
      return yield* checkingTable(yield* drafting(value, "table", now), now);
    }),
  );
}

/** What `steps` come to, or the problem that ends them. */
export function* told<T>(steps: () => Steps<T>): Steps<T | string> {
  try {
    return yield* steps();
  } catch (error) {
    if (error instanceof TableProblem) return error.message;
    throw error;
  }
}

/** Checks what is not checked of a table. @throws TableProblem */
export function* checkingTable(draft: Draft, now: Pick<TableInForce, "number">): Steps<CheckedTable> {
  const { number, workerCount = 1, groups: listed } = draft.fields;
  must(Number.isSafeInteger(number) && (number as number) > 0, "number", "must be a whole number above 0");
  must((number as number) > now.number, "number", `${number} is not above ${now.number}, the one in force`);
  const isCount = Number.isSafeInteger(workerCount) && (workerCount as number) >= 1;
  must(isCount, "workerCount", "must be a whole number from 1");
  const { entries: services, names: serviceNames } = draft.services;
  const groups = yield* allFields(listed, "groups");
  const groupNames = new Set(groups.map((g) => g.name));
  for (const [i, service] of services.entries()) {
    checkGroupOf(service, `services[${i}]`, groupNames);
    checkMirror(service, `services[${i}].mirror`, serviceNames);
    yield;
  }
  const names = new Set<string>();
  for (const [i, group] of groups.entries()) {
    must(!serviceNames.has(group.name as string), `groups[${i}].name`, `${group.name} is used twice`);
    yield* checkGroup(group, `groups[${i}]`, names, serviceNames);
  }
  return {
    number: number as number,
    workerCount: workerCount as number,
    services,
    groups: groups as unknown as GroupRoute[],
  };
}

/**
 * Checks a change of the table in force, whole, before any of it is in force. Costs what is changed; only when something goes, what
 * stays is asked whether it can do without. Gives the change, or the reason for a `nack`.
 */
export function checkChange(value: unknown, now: TableInForce): CheckedChange | string {
  return finish(
    told(function* () {
      return yield* checkingChange(yield* drafting(value, "change", now), now);
    }),
  );
}

/** Checks what is not checked of a change. Nothing may come into force meanwhile. @throws TableProblem */
export function* checkingChange(draft: Draft, now: TableInForce): Steps<CheckedChange> {
  const change = draft.fields;
  const { base, number } = change;
  must(base === now.number, "base", `${base} is not ${now.number}, the one in force`);
  must(now.number > 0, "base", "there is no table in force");
  const isLater = Number.isSafeInteger(number) && (number as number) > now.number;
  must(isLater, "number", `must be a whole number above ${now.number}`);
  const goneServices = goneOf(change.goneServices, "goneServices", now.serviceRoutes);
  const goneGroups = goneOf(change.goneGroups, "goneGroups", now.groupRoutes);
  const { entries: services, names: putServices } = draft.services;
  const groups = yield* allFields(change.groups, "groups");
  const putGroups = new Set(groups.map((g) => g.name));
  const hasGroup = {
    has: (g: unknown) => putGroups.has(g) || (now.groupRoutes.has(g as GroupName) && !goneGroups.has(g)),
  };
  const hasService = {
    has: (s: unknown) =>
      putServices.has(s as string) || (now.serviceRoutes.has(s as ServiceName) && !goneServices.has(s)),
  };
  for (const name of goneServices) {
    must(!putServices.has(name as string), "goneServices", `${name} is there, too`);
    yield;
  }
  for (const name of goneGroups) must(!putGroups.has(name), "goneGroups", `${name} is there, too`);
  for (const [i, service] of services.entries()) {
    const where = `services[${i}]`;
    checkGroupOf(service, where, hasGroup);
    const isGroup = now.groupRoutes.has(service.name as string as GroupName) && !goneGroups.has(service.name);
    must(!isGroup, `${where}.name`, `${service.name} is a group`);
    checkMirror(service, `${where}.mirror`, hasService);
    yield;
  }
  const isStaying = (name: ServiceName) => !putServices.has(name) && !goneServices.has(name);
  yield* checkOwners(services, isStaying, now);
  const names = new Set<string>(putServices);
  for (const [i, group] of groups.entries()) {
    const where = `groups[${i}]`;
    yield* checkGroup(group, where, names, hasService);
    const isService = now.serviceRoutes.has(group.name as ServiceName) && !goneServices.has(group.name);
    must(!isService, `${where}.name`, `${group.name} is a service`);
  }
  if (goneGroups.size > 0) {
    for (const { name, group } of now.serviceRoutes.values()) {
      yield;
      const isFree = !isStaying(name) || group === null || hasGroup.has(group);
      must(isFree, "goneGroups", `${name} is in ${group}`);
    }
  }
  if (goneServices.size > 0) {
    for (const { name, mirror } of now.serviceRoutes.values()) {
      yield;
      if (!isStaying(name)) continue;
      for (const target of mirror?.targets ?? [])
        must(hasService.has(target), "goneServices", `${target} is a mirror target of ${name}`);
    }
    for (const { name, members } of now.groupRoutes.values()) {
      yield;
      if (putGroups.has(name) || goneGroups.has(name)) continue;
      for (const { service } of members)
        must(hasService.has(service), "goneServices", `${service} is a member of ${name}`);
    }
  }
  return { ...(change as unknown as RouteChange), services };
}

/** What a change takes away of what is there. */
function goneOf(value: unknown, where: string, there: { has(name: never): boolean }): ReadonlySet<unknown> {
  const gone = new Set<unknown>();
  for (const name of listOf(value, where)) {
    must(there.has(name as never), where, `there is no ${name}`);
    must(!gone.has(name), where, `${name} is there twice`);
    gone.add(name);
  }
  return gone;
}

/** No instance of a change is one of a service that stays as it is. */
function* checkOwners(
  services: readonly ServiceEntry[],
  isStaying: (name: ServiceName) => boolean,
  now: TableInForce,
): Steps<void> {
  const freed = new IdCounts();
  for (const { name, instances } of now.serviceRoutes.values()) {
    yield;
    if (isStaying(name)) continue;
    yield* eachId(instances, (id) => freed.add(id));
  }
  const doubtful: string[] = [];
  for (const { instances } of services) {
    yield;
    yield* eachId(instances, (id) => {
      if (now.ids.of(id) > freed.of(id)) doubtful.push(id);
    });
  }
  for (const id of doubtful) {
    for (const { name, instances } of now.serviceRoutes.values()) {
      const isFree = !isStaying(name) || !instances.has(id);
      must(isFree, "services", `instance ${id} belongs to ${name}`);
    }
    yield;
  }
}

function* allFields(value: unknown, where: string): Steps<readonly Fields[]> {
  const all: Fields[] = [];
  for (const item of listOf(value, where)) {
    all.push(fieldsOf(item, `${where}[${all.length}]`));
    yield;
  }
  return all;
}

/** What may be asked of a set of names. */
interface Names {
  has(name: unknown): boolean;
}

function checkGroupOf({ group }: ServiceEntry, where: string, groups: Names): void {
  must(group === null || groups.has(group), `${where}.group`, "names no group of the table");
}

function* checkGroup(group: Fields, where: string, names: Set<string>, services: Names): Steps<void> {
  yield;
  checkName(group.name, `${where}.name`, names);
  checkTokens(group.tokens, `${where}.tokens`);
  const problem = group.sticky === undefined ? null : affinityProblem(group.sticky);
  must(problem === null, `${where}.sticky`, problem ?? "");
  const seen = new Set<string>();
  for (const [i, value] of listOf(group.members, `${where}.members`).entries()) {
    if (i % MEMBERS_A_STEP === MEMBERS_A_STEP - 1) yield;
    const at = `${where}.members[${i}]`;
    const { service, weight } = fieldsOf(value, at);
    must(
      typeof service === "string" && services.has(service),
      `${at}.service`,
      "names no service of the table",
    );
    must(!seen.has(service as string), `${at}.service`, `${service} is a member twice`);
    seen.add(service as string);
    const isWeight = Number.isInteger(weight) && (weight as number) >= 1 && (weight as number) <= WEIGHT_MAX;
    must(isWeight, `${at}.weight`, `must be a whole number from 1 to ${WEIGHT_MAX}`);
  }
}

/** Once all services are known: targets may stand behind. */
function checkMirror({ name, mirror }: ServiceEntry, where: string, services: Names): void {
  if (mirror === undefined) return;
  const { ratio, targets, compare } = fieldsOf(mirror as unknown, where);
  const isRatio = Number.isInteger(ratio) && (ratio as number) >= 1 && (ratio as number) <= 100;
  must(isRatio, `${where}.ratio`, "must be a whole number from 1 to 100");
  const list = listOf(targets, `${where}.targets`);
  must(
    list.length > 0 && new Set(list).size === list.length,
    `${where}.targets`,
    "is empty, or names one twice",
  );
  for (const target of list) {
    const isTarget = typeof target === "string" && target !== name && services.has(target);
    must(isTarget, `${where}.targets`, "names no other service of the table");
  }
  if (compare === null) return;
  const { mode, tolerance, ignorePaths, sampleCount } = fieldsOf(compare, `${where}.compare`);
  must(COMPARE_MODES.has(mode), `${where}.compare.mode`, "must be status, exact or json");
  const isTolerance = typeof tolerance === "number" && tolerance >= 0;
  must(isTolerance, `${where}.compare.tolerance`, "must be a number from 0");
  const isPaths = listOf(ignorePaths, `${where}.compare.ignorePaths`).every((p) => typeof p === "string");
  must(isPaths, `${where}.compare.ignorePaths`, "must be a list of texts");
  const isCount = Number.isInteger(sampleCount) && (sampleCount as number) >= 0;
  must(isCount, `${where}.compare.sampleCount`, "must be a whole number from 0");
}

const COMPARE_MODES: ReadonlySet<unknown> = new Set(["status", "exact", "json"]);

/** Keeps sums of weights exact as numbers. */
const WEIGHT_MAX = 1e9;
