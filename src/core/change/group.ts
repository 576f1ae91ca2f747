import { ServingError } from "../errors.ts";
import type { GroupName, ServiceName } from "../names.ts";
import type { Change, DesiredState, GroupRecord, TrafficMode } from "../service.ts";
import { type Affinity, showAffinity } from "../traffic/affinity.ts";
import { toAuto, toCustomized } from "../traffic/group-traffic.ts";
import { applyChanges } from "./apply.ts";
import {
  advance,
  type ChangeContext,
  type Decision,
  findGroup,
  refuseLocked,
  serviceEvent,
} from "./decision.ts";
import { applyTraffic, membersOf, trafficOf } from "./membership.ts";
import { withoutTargets } from "./mirror.ts";

type Labels = Readonly<Record<string, string>>;

/**
 * `CreateGroup`: an empty group, which stays when its last member goes.
 * @throws ServingError GROUP_EXISTS, INGRESS_TAKEN
 */
export function createGroup(
  state: DesiredState,
  { name, labels }: { readonly name: GroupName; readonly labels: Labels },
  { nowMs, groupToken }: Pick<ChangeContext, "nowMs" | "groupToken">,
): Decision<GroupRecord> {
  if (state.groups.has(name)) throw new ServingError("GROUP_EXISTS", { group: name });
  if (state.services.has(name as string as ServiceName)) {
    throw new ServingError("INGRESS_TAKEN", { name, owner: `service ${name}` });
  }
  const record: GroupRecord = {
    name,
    token: groupToken,
    tokenNumber: 1,
    tokenAddedAtMs: nowMs,
    olderTokens: [],
    mode: "auto",
    labels,
    isExplicit: true,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
  };
  return { record, changes: [{ kind: "put-group", record }] };
}

/**
 * `UpdateGroup`: labels replace the ones before; mode `auto` drops weights and blue-green, `customized` begins with
 * weights that keep the split. `sticky` makes clients stay with their member, null ends that.
 * @throws ServingError GROUP_NOT_FOUND
 */
export function updateGroup(
  state: DesiredState,
  update: {
    readonly name: GroupName;
    readonly mode?: TrafficMode;
    readonly labels?: Labels;
    readonly sticky?: Affinity | null;
  },
  { nowMs }: Pick<ChangeContext, "nowMs">,
): Decision<GroupRecord> {
  const before = findGroup(state, update.name);
  const traffic = trafficOf(state, before);
  const mode = update.mode ?? before.mode;
  const after = mode === "auto" ? toAuto(traffic) : toCustomized(traffic);
  const members = applyTraffic(state, before, after, nowMs).changes.filter((c) => c.kind !== "put-group");
  const { labels = before.labels, sticky = before.sticky ?? null } = update;
  const isSticky = showSticky(sticky) !== showSticky(before.sticky ?? null);
  const isSame = mode === before.mode && members.length === 0 && update.labels === undefined && !isSticky;
  if (isSame) return { changes: [], record: before };
  const record = { ...before, mode, labels, sticky, updatedAtMs: nowMs };
  return { record, changes: [{ kind: "put-group", record }, ...members] };
}

const showSticky = (sticky: Affinity | null) => (sticky === null ? "off" : showAffinity(sticky));

/**
 * `DeleteGroup`. With members only when `isCascading`: they are deleted too, and the group goes with the last.
 * @throws ServingError GROUP_NOT_FOUND, GROUP_NOT_EMPTY, SAFETY_LOCKED
 */
export function deleteGroup(
  state: DesiredState,
  { name, isCascading }: { readonly name: GroupName; readonly isCascading: boolean },
  { nowMs }: Pick<ChangeContext, "nowMs">,
): Decision<GroupRecord> {
  const record = findGroup(state, name);
  const members = membersOf(state, name);
  if (members.length > 0 && !isCascading) {
    throw new ServingError("GROUP_NOT_EMPTY", { group: name, members: members.map((m) => m.name) });
  }
  for (const member of members) refuseLocked(member, true);
  const isEmpty = ![...state.services.values()].some((s) => s.group === name);
  if (isEmpty) return { record, changes: [{ kind: "remove-group", name }] };
  // Members are still draining, or are told to now: the group is no longer kept for its own sake.
  const going: GroupRecord = { ...record, isExplicit: false, updatedAtMs: nowMs };
  const changes: Change[] = [{ kind: "put-group", record: going }];
  for (const member of members) {
    const text = `Service [${member.name}] is terminating with its group [${name}]`;
    changes.push({ kind: "put-service", record: advance(member, nowMs, { desired: "deleted" }) });
    changes.push(serviceEvent(member.name, nowMs, "Deleting", text));
  }
  const gone = new Set(members.map((m) => m.name));
  changes.push(...withoutTargets(applyChanges(state, changes), gone, nowMs));
  return { record: going, changes };
}
