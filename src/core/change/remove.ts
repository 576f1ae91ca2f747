import type { GroupName, ServiceName } from "../names.ts";
import type { Change, DesiredState, ServiceRecord } from "../service.ts";
import { leave } from "../traffic/group-traffic.ts";
import { applyChanges } from "./apply.ts";
import {
  advance,
  type ChangeContext,
  type Decision,
  findGroup,
  findService,
  refuseLocked,
  serviceEvent,
} from "./decision.ts";
import { applyTraffic, trafficOf } from "./membership.ts";
import { withoutTargets } from "./mirror.ts";

/**
 * `delete`: the service leaves its group's traffic, and every mirror to it, at once, its instances drain, and the record goes when the last has
 * stopped ({@link finishRemoval}). Deleting it again changes nothing.
 * @throws ServingError SERVICE_NOT_FOUND, SAFETY_LOCKED
 */
export function removeService(
  state: DesiredState,
  name: ServiceName,
  { nowMs }: Pick<ChangeContext, "nowMs">,
): Decision<ServiceRecord> {
  const before = findService(state, name);
  if (before.desired === "deleted") return { changes: [], record: before };
  refuseLocked(before, true);
  const record = advance(before, nowMs, { desired: "deleted" });
  const changes: Change[] = [
    { kind: "put-service", record },
    serviceEvent(name, nowMs, "Deleting", `Service [${name}] is terminating`),
  ];
  if (before.group !== null) {
    const group = findGroup(state, before.group);
    changes.push(...applyTraffic(state, group, leave(trafficOf(state, group), name), nowMs).changes);
  }
  changes.push(...withoutTargets(applyChanges(state, changes), new Set([name]), nowMs));
  return { record, changes };
}

/**
 * The last step of a deletion, asked for by the reconciler when no instance is left: the record goes, and with the last
 * member its group, unless CreateGroup made it. Nothing when the service is gone, or is not to be deleted.
 */
export function finishRemoval(
  state: DesiredState,
  name: ServiceName,
  { nowMs }: Pick<ChangeContext, "nowMs">,
): readonly Change[] {
  const record = state.services.get(name);
  if (record?.desired !== "deleted") return [];
  const text = `Service [${name}] was deleted successfully`;
  const changes: Change[] = [serviceEvent(name, nowMs, "Deleted", text), { kind: "remove-service", name }];
  if (record.group !== null && isLastOf(state, record.group, name)) {
    changes.push({ kind: "remove-group", name: record.group });
  }
  return changes;
}

function isLastOf(state: DesiredState, group: GroupName, name: ServiceName): boolean {
  const others = [...state.services.values()].some((s) => s.group === group && s.name !== name);
  return !others && state.groups.get(group)?.isExplicit === false;
}
