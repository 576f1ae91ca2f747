import { isName } from "../core/names.ts";
import type { GroupRoute, RouteChange, RouteTable, ServiceRoute } from "../core/traffic/route-table.ts";
import { isFieldValue } from "../http1/response-writer.ts";
import { finish, type Steps } from "./slices.ts";
import { affinityProblem, policyProblem } from "./table-check-policy.ts";

/** Longest path of a unix socket: `sun_path` of unix(7) less its final zero. */
const UNIX_PATH_BYTES_MAX = 107;

/** Instances or members of one service or group that are checked before the work may be put aside. */
const ITEMS_A_STEP = 32;

/** What is wrong with a table. */
class TableProblem extends Error {}

function must(condition: boolean, where: string, what: string): void {
  if (!condition) throw new TableProblem(`${where}: ${what}`);
}

type Fields = Record<string, unknown>;

function fieldsOf(value: unknown, where: string): Fields {
  must(typeof value === "object" && value !== null && !Array.isArray(value), where, "must be an object");
  return value as Fields;
}

function listOf(value: unknown, where: string): readonly unknown[] {
  must(Array.isArray(value), where, "must be a list");
  return value as unknown[];
}

/**
 * Checks a table from the control process whole, before any of it is in force. Gives the table, or the reason for a `nack`.
 * The control process is ours, but a table that cannot be served must never replace one that can.
 */
export function checkTable(value: unknown, numberInForce: number): RouteTable | string {
  return finish(checkingTable(value, numberInForce));
}

/** {@link checkTable} in steps. */
export function* checkingTable(value: unknown, numberInForce: number): Steps<RouteTable | string> {
  try {
    const table = fieldsOf(value, "table");
    const { number } = table;
    must(Number.isSafeInteger(number) && (number as number) > 0, "number", "must be a whole number above 0");
    must(
      (number as number) > numberInForce,
      "number",
      `${number} is not above ${numberInForce}, the one in force`,
    );
    const { workerCount = 1 } = table;
    const isCount = Number.isSafeInteger(workerCount) && (workerCount as number) >= 1;
    must(isCount, "workerCount", "must be a whole number from 1");
    const names = new Set<string>();
    const instances = new Set<string>();
    const services = yield* allFields(table.services, "services");
    const groups = yield* allFields(table.groups, "groups");
    const groupNames = new Set(groups.map((g) => g.name));
    for (const [i, service] of services.entries())
      yield* checkService(service, `services[${i}]`, names, instances, groupNames);
    const serviceNames = new Set(services.map((s) => s.name));
    for (const [i, service] of services.entries()) {
      checkMirror(service, `services[${i}].mirror`, serviceNames);
      yield;
    }
    for (const [i, group] of groups.entries()) yield* checkGroup(group, `groups[${i}]`, names, serviceNames);
    return value as RouteTable;
  } catch (error) {
    if (error instanceof TableProblem) return error.message;
    throw error;
  }
}

/** What a gateway holds of the table in force, as far as a change can contradict it. */
export interface TableInForce {
  readonly number: number;
  readonly serviceRoutes: ReadonlyMap<string, ServiceRoute>;
  readonly groupRoutes: ReadonlyMap<string, GroupRoute>;
  /** The service that each instance belongs to. */
  readonly owners: ReadonlyMap<string, string>;
}

/**
 * Checks a change of the table in force, whole, before any of it is in force. Costs what is changed; only when something goes, what
 * stays is asked whether it can do without. Gives the change, or the reason for a `nack`.
 */
export function checkChange(value: unknown, now: TableInForce): RouteChange | string {
  return finish(checkingChange(value, now));
}

/** {@link checkChange} in steps. Nothing may come into force meanwhile. */
export function* checkingChange(value: unknown, now: TableInForce): Steps<RouteChange | string> {
  try {
    const change = fieldsOf(value, "change");
    const { base, number } = change;
    must(base === now.number, "base", `${base} is not ${now.number}, the one in force`);
    must(now.number > 0, "base", "there is no table in force");
    const isLater = Number.isSafeInteger(number) && (number as number) > now.number;
    must(isLater, "number", `must be a whole number above ${now.number}`);
    const goneServices = new Set(listOf(change.goneServices, "goneServices"));
    const goneGroups = new Set(listOf(change.goneGroups, "goneGroups"));
    const names = new Set<string>();
    const instances = new Set<string>();
    const services = yield* allFields(change.services, "services");
    const groups = yield* allFields(change.groups, "groups");
    const putServices = new Set(services.map((s) => s.name));
    const putGroups = new Set(groups.map((g) => g.name));
    const hasGroup = {
      has: (g: unknown) => putGroups.has(g) || (now.groupRoutes.has(g as string) && !goneGroups.has(g)),
    };
    const hasService = {
      has: (s: unknown) => putServices.has(s) || (now.serviceRoutes.has(s as string) && !goneServices.has(s)),
    };
    for (const name of goneServices) {
      must(now.serviceRoutes.has(name as string), "goneServices", `there is no ${name}`);
      must(!putServices.has(name), "goneServices", `${name} is there, too`);
      yield;
    }
    for (const name of goneGroups) must(!putGroups.has(name), "goneGroups", `${name} is there, too`);
    for (const [i, service] of services.entries()) {
      const where = `services[${i}]`;
      yield* checkService(service, where, names, instances, hasGroup);
      const isGroup = now.groupRoutes.has(service.name as string) && !goneGroups.has(service.name);
      must(!isGroup, `${where}.name`, `${service.name} is a group`);
    }
    for (const id of instances) {
      yield;
      const owner = now.owners.get(id);
      const isFree = owner === undefined || putServices.has(owner) || goneServices.has(owner);
      must(isFree, "services", `instance ${id} belongs to ${owner}`);
    }
    for (const [i, service] of services.entries()) {
      checkMirror(service, `services[${i}].mirror`, hasService);
      yield;
    }
    for (const [i, group] of groups.entries()) {
      const where = `groups[${i}]`;
      yield* checkGroup(group, where, names, hasService);
      const isService = now.serviceRoutes.has(group.name as string) && !goneServices.has(group.name);
      must(!isService, `${where}.name`, `${group.name} is a service`);
    }
    if (goneGroups.size > 0) {
      for (const { name, group } of now.serviceRoutes.values()) {
        yield;
        const isStaying = !putServices.has(name) && !goneServices.has(name);
        must(!isStaying || group === null || hasGroup.has(group), "goneGroups", `${name} is in ${group}`);
      }
    }
    if (goneServices.size > 0) {
      for (const { name, mirror } of now.serviceRoutes.values()) {
        yield;
        if (putServices.has(name) || goneServices.has(name)) continue;
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
    return value as RouteChange;
  } catch (error) {
    if (error instanceof TableProblem) return error.message;
    throw error;
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

function checkName(value: unknown, where: string, names: Set<string>): void {
  must(typeof value === "string" && isName(value), where, "is not a name");
  must(!names.has(value as string), where, `${value} is used twice`);
  names.add(value as string);
}

function checkTokens(value: unknown, where: string): void {
  const tokens = listOf(value, where);
  must(tokens.length > 0, where, "is empty");
  const isGood = (t: unknown) => typeof t === "string" && t !== "" && isFieldValue(t);
  // The text of a token never stands in a reason: reasons are logged.
  must(tokens.every(isGood), where, "has a token that cannot stand in a header");
}

function* checkService(
  service: Fields,
  where: string,
  names: Set<string>,
  instances: Set<string>,
  groups: Names,
): Steps<void> {
  yield;
  checkName(service.name, `${where}.name`, names);
  const { group, keepaliveMs } = service;
  must(group === null || groups.has(group), `${where}.group`, "names no group of the table");
  checkTokens(service.tokens, `${where}.tokens`);
  const problem = policyProblem(service.policy);
  must(problem === null, `${where}.policy`, problem ?? "");
  const isTime = typeof keepaliveMs === "number" && Number.isFinite(keepaliveMs) && keepaliveMs > 0;
  must(isTime, `${where}.keepaliveMs`, "must be a number of ms above 0");
  must(typeof service.isBodyChecked === "boolean", `${where}.isBodyChecked`, "must be true or false");
  const isProtocol = service.protocol === undefined || service.protocol === "grpc";
  must(isProtocol, `${where}.protocol`, "must be grpc, or left out");
  for (const [i, value] of listOf(service.instances, `${where}.instances`).entries()) {
    if (i % ITEMS_A_STEP === ITEMS_A_STEP - 1) yield;
    const at = `${where}.instances[${i}]`;
    const { id, address } = fieldsOf(value, at);
    must(typeof id === "string" && id !== "", `${at}.id`, "must be a text");
    must(!instances.has(id as string), `${at}.id`, `${id} is used twice`);
    instances.add(id as string);
    checkAddress(fieldsOf(address, `${at}.address`), `${at}.address`);
  }
}

function checkAddress(address: Fields, where: string): void {
  const { kind, path, host, port } = address;
  if (kind === "unix") {
    const isPath = typeof path === "string" && path !== "" && Buffer.byteLength(path) <= UNIX_PATH_BYTES_MAX;
    must(isPath, `${where}.path`, `must be a text of at most ${UNIX_PATH_BYTES_MAX} bytes`);
    return;
  }
  must(kind === "tcp", `${where}.kind`, "must be unix or tcp");
  must(typeof host === "string" && host !== "", `${where}.host`, "must be a text");
  const isPort = Number.isInteger(port) && (port as number) > 0 && (port as number) < 65536;
  must(isPort, `${where}.port`, "must be a port");
}

function* checkGroup(group: Fields, where: string, names: Set<string>, services: Names): Steps<void> {
  yield;
  checkName(group.name, `${where}.name`, names);
  checkTokens(group.tokens, `${where}.tokens`);
  const problem = group.sticky === undefined ? null : affinityProblem(group.sticky);
  must(problem === null, `${where}.sticky`, problem ?? "");
  const seen = new Set<string>();
  for (const [i, value] of listOf(group.members, `${where}.members`).entries()) {
    if (i % ITEMS_A_STEP === ITEMS_A_STEP - 1) yield;
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
function checkMirror({ name, mirror }: Fields, where: string, services: Names): void {
  if (mirror === undefined) return;
  const { ratio, targets, compare } = fieldsOf(mirror, where);
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
