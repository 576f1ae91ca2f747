import { ServingError } from "../errors.ts";
import type { GroupName, ServiceName } from "../names.ts";
import type { Change, DesiredState, GroupRecord, ServiceRecord } from "../service.ts";
import type { ParsedSpec } from "../spec/service-spec.ts";
import { join } from "../traffic/group-traffic.ts";
import { type ChangeContext, type Decision, serviceEvent, withMetadata } from "./decision.ts";
import { applyTraffic, trafficOf } from "./membership.ts";

/**
 * `create`: version 1 of a new service; its group appears with it when it is the first member.
 * @throws ServingError SERVICE_EXISTS, SERVICE_DELETING (the name is not free yet), INGRESS_TAKEN
 */
export function createService(
  state: DesiredState,
  parsed: ParsedSpec,
  context: ChangeContext,
): Decision<ServiceRecord> {
  const { spec } = parsed;
  refuseTakenName(state, spec.name, spec.group);
  const { nowMs } = context;
  const base: ServiceRecord = {
    name: spec.name,
    id: context.serviceId,
    group: spec.group,
    generation: 1,
    desired: "running",
    document: parsed.document,
    token: spec.token ?? context.serviceToken,
    tokenNumber: 1,
    tokenAddedAtMs: nowMs,
    olderTokens: [],
    version: 1,
    latestVersion: 1,
    epoch: 0,
    retiredSlots: [],
    trafficState: spec.trafficState,
    weight: null,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
  };
  const { record, changes } = joinGroup(state, base, spec.instanceCount, context);
  return {
    record,
    changes: [
      ...changes,
      { kind: "put-service", record },
      {
        kind: "put-version",
        version: {
          service: spec.name,
          version: 1,
          document: record.document,
          createdAtMs: nowMs,
          message: "Service was created",
        },
      },
      serviceEvent(spec.name, nowMs, "Creating", `Service [${spec.name}] is now creating`),
    ],
  };
}

/** Services and groups share one space of addresses, `/api/predict/{name}`. */
function refuseTakenName(state: DesiredState, name: ServiceName, group: GroupName | null): void {
  const same = state.services.get(name);
  if (same?.desired === "deleted") throw new ServingError("SERVICE_DELETING", { service: name });
  if (same !== undefined) throw new ServingError("SERVICE_EXISTS", { service: name });
  if (state.groups.has(name as string as GroupName)) {
    throw new ServingError("INGRESS_TAKEN", { name, owner: `group ${name}` });
  }
  if (group === null) return;
  const isOwnName = (group as string) === name;
  if (isOwnName || state.services.has(group as string as ServiceName)) {
    throw new ServingError("INGRESS_TAKEN", { name: group, owner: `service ${group}` });
  }
}

function joinGroup(
  state: DesiredState,
  base: ServiceRecord,
  instanceCount: number,
  { nowMs, groupToken }: ChangeContext,
): { record: ServiceRecord; changes: readonly Change[] } {
  if (base.group === null) return { record: base, changes: [] };
  const existing = state.groups.get(base.group);
  const group: GroupRecord = existing ?? {
    name: base.group,
    token: groupToken,
    tokenNumber: 1,
    tokenAddedAtMs: nowMs,
    olderTokens: [],
    mode: "auto",
    labels: {},
    isExplicit: false,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
  };
  const after = join(trafficOf(state, group), {
    name: base.name,
    trafficState: base.trafficState,
    instanceCount,
  });
  const own = after.members.at(-1)!; // join appends
  const isForced = own.trafficState !== base.trafficState;
  const record: ServiceRecord = {
    ...base,
    trafficState: own.trafficState,
    weight: own.weight,
    document: isForced ? withMetadata(base.document, { traffic_state: own.trafficState }) : base.document,
  };
  const why =
    own.trafficState === "grouping"
      ? "the only service of a group takes part"
      : "the group is a blue-green pair";
  const changes: Change[] = existing === undefined ? [{ kind: "put-group", record: group }] : [];
  changes.push(...applyTraffic(state, group, after, nowMs).changes);
  if (isForced) {
    const text = `Service [${base.name}] was set to ${own.trafficState}: ${why}`;
    changes.push(serviceEvent(base.name, nowMs, "TrafficChanged", text));
  }
  return { record, changes };
}
