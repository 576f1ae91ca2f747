import { type Problem, ServingError } from "../errors.ts";
import type { ServiceName } from "../names.ts";
import type { Change, DesiredState, ServiceRecord } from "../service.ts";
import { parseIgnorePath } from "../traffic/ignore-path.ts";
import {
  type CompareRule,
  DIFFERENCES_MAX,
  IGNORE_PATH_CHARS_MAX,
  IGNORE_PATHS_MAX,
  MIRROR_TARGETS_MAX,
  type MirrorRule,
} from "../traffic/mirror.ts";
import {
  advance,
  type ChangeContext,
  type Decision,
  findChangeable,
  serviceEvent,
  speaksOnlyGrpc,
} from "./decision.ts";

/** What a command on a mirror names; what is left out of an update stays. */
export interface MirrorRequest {
  readonly name: ServiceName;
  readonly ratio?: number;
  readonly targets?: readonly ServiceName[];
  /** Null ends comparing. */
  readonly compare?: CompareRule | null;
}

type Now = Pick<ChangeContext, "nowMs">;

/**
 * CreateServiceMirror: copies of a service's requests go to other services from now on (eas-reference §6.5).
 * @throws ServingError SERVICE_NOT_FOUND, SERVICE_DELETING, SAFETY_LOCKED, MIRROR_EXISTS, INVALID_ARGUMENT
 */
export function createMirror(
  state: DesiredState,
  request: MirrorRequest,
  { nowMs }: Now,
): Decision<ServiceRecord> {
  const before = findChangeable(state, request.name);
  if (before.mirror) {
    throw new ServingError("MIRROR_EXISTS", { service: before.name, targets: before.mirror.targets });
  }
  const { ratio = Number.NaN, targets = [], compare = null } = request;
  return changed(state, before, { ratio, targets, compare }, "ON", nowMs);
}

/**
 * UpdateServiceMirror: what is named is replaced, the rest stays.
 * @throws ServingError SERVICE_NOT_FOUND, SERVICE_DELETING, SAFETY_LOCKED, MIRROR_NOT_FOUND, INVALID_ARGUMENT
 */
export function updateMirror(
  state: DesiredState,
  request: MirrorRequest,
  { nowMs }: Now,
): Decision<ServiceRecord> {
  const before = findChangeable(state, request.name);
  if (!before.mirror) throw new ServingError("MIRROR_NOT_FOUND", { service: before.name });
  const { ratio = before.mirror.ratio, targets = before.mirror.targets } = request;
  const compare = request.compare === undefined ? before.mirror.compare : request.compare;
  const rule: MirrorRule = { ratio, targets, compare };
  if (JSON.stringify(rule) === JSON.stringify(before.mirror)) return { changes: [], record: before };
  return changed(state, before, rule, "updating", nowMs);
}

/**
 * DeleteServiceMirror: no copies from now on.
 * @throws ServingError SERVICE_NOT_FOUND, SERVICE_DELETING, SAFETY_LOCKED, MIRROR_NOT_FOUND
 */
export function deleteMirror(
  state: DesiredState,
  name: ServiceName,
  { nowMs }: Now,
): Decision<ServiceRecord> {
  const before = findChangeable(state, name);
  if (!before.mirror) throw new ServingError("MIRROR_NOT_FOUND", { service: name });
  const record = advance(before, nowMs, { mirror: null });
  return { record, changes: [{ kind: "put-service", record }, offEvent(name, nowMs)] };
}

/** What becomes of the mirrors to services that are going: `state` is what is wanted after everything else of the command. */
export function withoutTargets(
  state: DesiredState,
  going: ReadonlySet<ServiceName>,
  nowMs: number,
): readonly Change[] {
  const changes: Change[] = [];
  for (const before of state.services.values()) {
    const { name, mirror } = before;
    if (before.desired === "deleted" || !mirror?.targets.some((t) => going.has(t))) continue;
    const targets = mirror.targets.filter((t) => !going.has(t));
    const rule = targets.length === 0 ? null : { ...mirror, targets };
    const record = advance(before, nowMs, { mirror: rule });
    const gone = mirror.targets.filter((t) => going.has(t)).join(",");
    const text = `Service [${gone}] is deleted and no longer a mirror target of service [${name}]`;
    changes.push({ kind: "put-service", record }, serviceEvent(name, nowMs, "MirrorChanged", text));
    if (rule === null) changes.push(offEvent(name, nowMs));
  }
  return changes;
}

const offEvent = (name: ServiceName, nowMs: number) =>
  serviceEvent(name, nowMs, "MirrorDeleted", `Traffic mirroring is OFF for service [${name}]`);

function changed(
  state: DesiredState,
  before: ServiceRecord,
  mirror: MirrorRule,
  what: "ON" | "updating",
  nowMs: number,
): Decision<ServiceRecord> {
  const problems = [...problemsOf(mirror), ...targetProblems(state, before.name, mirror.targets)];
  if (isGrpc(before)) {
    const allowed = "a service without metadata.enable_grpc: gRPC calls are not copied";
    problems.push({ path: "$.ServiceName", found: before.name, allowed });
  }
  if (problems.length > 0) throw new ServingError("INVALID_ARGUMENT", { problems });
  const record = advance(before, nowMs, { mirror });
  const reason = what === "ON" ? "MirrorCreated" : "MirrorChanged";
  const text = `Traffic mirroring is ${what} for service [${before.name}], ratio [${mirror.ratio}%], target [${mirror.targets.join(",")}]`;
  return {
    record,
    changes: [{ kind: "put-service", record }, serviceEvent(before.name, nowMs, reason, text)],
  };
}

function problemsOf({ ratio, targets, compare }: MirrorRule): Problem[] {
  const problems: Problem[] = [];
  const must = (isGood: boolean, path: string, found: string, allowed: string) => {
    if (!isGood) problems.push({ path, found, allowed });
  };
  const isRatio = Number.isInteger(ratio) && ratio >= 0 && ratio <= 100;
  must(isRatio, "$.Ratio", Number.isNaN(ratio) ? "nothing" : String(ratio), "a whole number from 0 to 100");
  const isCount = targets.length >= 1 && targets.length <= MIRROR_TARGETS_MAX;
  must(isCount, "$.Target", `${targets.length} services`, `1 to ${MIRROR_TARGETS_MAX} services`);
  if (compare === null) return problems;
  const { tolerance, ignorePaths, sampleCount } = compare;
  const isTolerance = Number.isFinite(tolerance) && tolerance >= 0 && tolerance < 1;
  must(isTolerance, "$.Compare.Tolerance", String(tolerance), "a number from 0 to below 1");
  const isSample = Number.isInteger(sampleCount) && sampleCount >= 0 && sampleCount <= DIFFERENCES_MAX;
  must(isSample, "$.Compare.Samples", String(sampleCount), `a whole number from 0 to ${DIFFERENCES_MAX}`);
  const isFew = ignorePaths.length <= IGNORE_PATHS_MAX;
  must(isFew, "$.Compare.IgnorePaths", `${ignorePaths.length} paths`, `at most ${IGNORE_PATHS_MAX}`);
  ignorePaths.slice(0, IGNORE_PATHS_MAX).forEach((path, i) => {
    const isPath = path.length <= IGNORE_PATH_CHARS_MAX && parseIgnorePath(path) !== null;
    const shown = JSON.stringify(path.slice(0, 80));
    must(isPath, `$.Compare.IgnorePaths[${i}]`, shown, 'a path like $.time, $.rows[*].id or $["a b"]');
  });
  return problems;
}

function targetProblems(state: DesiredState, name: ServiceName, targets: readonly ServiceName[]): Problem[] {
  return targets.slice(0, MIRROR_TARGETS_MAX).flatMap((target, i): Problem[] => {
    const problem = (found: string, allowed: string) => [{ path: `$.Target[${i}]`, found, allowed }];
    if (target === name) return problem(`${name} itself`, "another service");
    if (targets.indexOf(target) !== i) return problem(`${target} again`, "each service once");
    const isThere = (state.services.get(target)?.desired ?? "deleted") !== "deleted";
    const shown = JSON.stringify(target.slice(0, 80));
    if (!isThere) return problem(shown, "a service that exists");
    if (isGrpc(state.services.get(target)!))
      return problem(shown, "a service without metadata.enable_grpc: copies are HTTP/1.1");
    if (mirrorsTo(state, target, name)) {
      return problem(`${target}, which is mirrored to ${name}`, "a service that is not mirrored back");
    }
    return [];
  });
}

const isGrpc = ({ document }: ServiceRecord) => speaksOnlyGrpc(document);

/** Copies go, over any number of mirrors, from one service to the other. */
function mirrorsTo(state: DesiredState, from: ServiceName, to: ServiceName): boolean {
  const seen = new Set<ServiceName>();
  const next = [from];
  for (let name = next.pop(); name !== undefined; name = next.pop()) {
    if (name === to) return true;
    if (seen.has(name)) continue;
    seen.add(name);
    next.push(...(state.services.get(name)?.mirror?.targets ?? []));
  }
  return false;
}
