import { type Decision, metadataOf } from "../change/decision.ts";
import { ServingError } from "../errors.ts";
import type { GroupName, ServiceName } from "../names.ts";
import type { Change, DesiredState, GroupRecord, ServiceRecord } from "../service.ts";
import type { Restriction } from "./access-key.ts";
import { type Actor, restrictionText } from "./caller.ts";

/** The service is in one of the groups, or its service.json has one of the workspaces. */
export function isServiceSeen(restriction: Restriction, { group, document }: ServiceRecord): boolean {
  if (group !== null && restriction.groups.includes(group)) return true;
  const workspace = metadataOf(document).workspace_id;
  const isId = typeof workspace === "string" || typeof workspace === "number";
  return isId && restriction.workspaces.includes(String(workspace));
}

/**
 * What of all that is wanted a restricted key sees: its services, and the groups that are named, or whose members are all its own. Of a
 * group with members of others it sees its own members and not the group, whose token would open the others, too.
 */
export function visibleState(state: DesiredState, restriction: Restriction): DesiredState {
  const services = new Map<ServiceName, ServiceRecord>();
  const mixed = new Set<GroupName>();
  const own = new Set<GroupName>(restriction.groups as readonly GroupName[]);
  for (const [name, record] of state.services) {
    const isSeen = isServiceSeen(restriction, record);
    if (isSeen) services.set(name, record);
    if (record.group !== null) (isSeen ? own : mixed).add(record.group);
  }
  const groups = new Map<GroupName, GroupRecord>(
    [...state.groups].filter(([name]) => own.has(name) && !mixed.has(name)),
  );
  const versions = new Map([...state.versions].filter(([name]) => services.has(name)));
  for (const [name, record] of services) services.set(name, withoutHiddenTargets(record, services));
  return { services, groups, versions, accessKeys: new Map() };
}

/** A mirror that somebody else made may name services that the key does not see. */
function withoutHiddenTargets(
  record: ServiceRecord,
  seen: ReadonlyMap<ServiceName, ServiceRecord>,
): ServiceRecord {
  const { mirror } = record;
  if (!mirror || mirror.targets.every((t) => seen.has(t))) return record;
  return { ...record, mirror: { ...mirror, targets: mirror.targets.filter((t) => seen.has(t)) } };
}

/** What a command is about. `isNew`: it makes it, so that somebody else's of that name is told as what it is: taken. */
export interface Subject {
  readonly name: string;
  readonly isNew?: true;
}

/**
 * Decides for a caller. A restricted one is answered about what it does not see as about what is not there, and may change nothing
 * that it does not see, before or after the change; that holds for all that a command touches, such as the weights of other members.
 * @throws ServingError FORBIDDEN, and whatever the command throws
 */
export function decideFor<R>(
  actor: Actor | null,
  state: DesiredState,
  subject: Subject,
  decide: (state: DesiredState) => Decision<R>,
): Decision<R> {
  const restriction = actor?.caller.restriction ?? null;
  if (actor === null || restriction === null) return decide(state);
  const seen = visibleState(state, restriction);
  if (subject.isNew !== true && isHidden(state, seen, subject.name)) return decide(seen); // it throws that there is none
  const decision = decidedAlike(state, seen, decide);
  const hiddenTargets = decision.changes.some((c) => namesHidden(c, state, seen));
  if (hiddenTargets) return decide(seen); // the same answer as for one that is not there
  for (const change of decision.changes) refuseOutside(change, state, seen, restriction, actor);
  return decision;
}

/** A refusal that is the same of what is seen is told of that: so that its facts, too, name nothing else. */
function decidedAlike<R>(
  state: DesiredState,
  seen: DesiredState,
  decide: (state: DesiredState) => Decision<R>,
): Decision<R> {
  try {
    return decide(state);
  } catch (error) {
    const own = refusalOf(() => decide(seen));
    throw error instanceof ServingError && own?.code === error.code ? own : error;
  }
}

function refusalOf(decide: () => unknown): ServingError | null {
  try {
    decide();
    return null;
  } catch (error) {
    return error instanceof ServingError ? error : null;
  }
}

function isHidden(state: DesiredState, seen: DesiredState, name: string): boolean {
  const [service, group] = [name as ServiceName, name as GroupName];
  return (
    (state.services.has(service) && !seen.services.has(service)) ||
    (state.groups.has(group) && !seen.groups.has(group))
  );
}

/** It makes a service send copies to one that the caller does not see. */
function namesHidden(change: Change, state: DesiredState, seen: DesiredState): boolean {
  if (change.kind !== "put-service" || !change.record.mirror) return false;
  const before = state.services.get(change.record.name)?.mirror?.targets ?? [];
  const added = change.record.mirror.targets.filter((t) => !before.includes(t));
  return added.some((t) => !seen.services.has(t));
}

function refuseOutside(
  change: Change,
  state: DesiredState,
  seen: DesiredState,
  restriction: Restriction,
  { caller, operation }: Actor,
): void {
  if (isInside(change, state, seen, restriction)) return;
  const detail = `access key ${caller.keyId} is restricted to ${restrictionText(restriction)}, and ${operation} would change, make or join something outside of that`;
  throw new ServingError("FORBIDDEN", { operation, role: caller.role, detail });
}

function isInside(
  change: Change,
  state: DesiredState,
  seen: DesiredState,
  restriction: Restriction,
): boolean {
  switch (change.kind) {
    case "put-service": {
      const { name, group, weight, trafficState, desired } = change.record;
      const before = state.services.get(name);
      if (before !== undefined && !seen.services.has(name)) return false;
      if (!isServiceSeen(restriction, change.record)) return false;
      const isAmongOthers = group !== null && state.groups.has(group) && !seen.groups.has(group);
      if (!isAmongOthers || desired === "deleted") return true;
      // Who joins a group, or weighs more or less there, moves the traffic of the others.
      return before !== undefined && before.weight === weight && before.trafficState === trafficState;
    }
    case "remove-service":
      return seen.services.has(change.name);
    case "put-version":
      return seen.services.has(change.version.service) || !state.services.has(change.version.service);
    case "remove-version":
      return seen.services.has(change.service);
    case "put-group": {
      const { name } = change.record;
      if (state.groups.has(name)) return seen.groups.has(name);
      // A new one: named in the restriction, or made by its first member, which is checked by itself.
      return restriction.groups.includes(name) || !change.record.isExplicit;
    }
    case "remove-group":
      return seen.groups.has(change.name);
    case "put-access-key":
    case "remove-access-key":
      return false;
    case "add-event":
    case "add-audit":
      return true; // they tell of the other changes
  }
}
