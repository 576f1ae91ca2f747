import type { GroupName } from "../names.ts";
import type { Change, DesiredState, GroupRecord, ServiceRecord } from "../service.ts";
import type { GroupTraffic } from "../traffic/group-traffic.ts";
import { advance, instanceCountOf, metadataOf, serviceEvent, withMetadata } from "./decision.ts";

/** Members that are to stay, oldest first: those whose traffic counts. */
export function membersOf(state: DesiredState, group: GroupName): ServiceRecord[] {
  return [...state.services.values()]
    .filter((s) => s.group === group && s.desired !== "deleted")
    .sort((a, b) => a.createdAtMs - b.createdAtMs || (a.name < b.name ? -1 : 1));
}

/** The traffic of a group as its records say it. */
export function trafficOf(state: DesiredState, group: GroupRecord): GroupTraffic {
  const members = membersOf(state, group.name).map((s) => ({
    name: s.name,
    trafficState: s.trafficState,
    weight: s.weight,
    instanceCount: instanceCountOf(s.document),
  }));
  return { mode: group.mode, members };
}

/**
 * Brings the records of a group to `after`: one put for each that differs, with an event that says what it gets now.
 * `metadata.traffic_state` of the document follows, so that the document shown is the one in force.
 */
export function applyTraffic(
  state: DesiredState,
  group: GroupRecord,
  after: GroupTraffic,
  nowMs: number,
): { readonly changes: readonly Change[]; readonly services: ReadonlyMap<string, ServiceRecord> } {
  const changes: Change[] = [];
  const services = new Map<string, ServiceRecord>();
  if (after.mode !== group.mode) {
    changes.push({ kind: "put-group", record: { ...group, mode: after.mode, updatedAtMs: nowMs } });
  }
  for (const member of after.members) {
    const before = state.services.get(member.name);
    if (before === undefined) continue; // the newcomer: its own command puts it
    if (before.trafficState === member.trafficState && before.weight === member.weight) continue;
    const record = advance(before, nowMs, {
      trafficState: member.trafficState,
      weight: member.weight,
      document: withTrafficState(before, member.trafficState),
    });
    services.set(member.name, record);
    changes.push({ kind: "put-service", record });
    const weight = member.weight === null ? "by its instances" : `at weight ${member.weight}`;
    const text =
      member.trafficState === "standalone"
        ? `gets no traffic of group ${group.name}`
        : `gets traffic of group ${group.name} ${weight} (${member.trafficState})`;
    changes.push(serviceEvent(member.name, nowMs, "TrafficChanged", `Service [${member.name}] ${text}`));
  }
  return { changes, services };
}

function withTrafficState(record: ServiceRecord, trafficState: ServiceRecord["trafficState"]) {
  const shown = trafficState === "blue-green" ? "grouping" : trafficState;
  const stated = metadataOf(record.document).traffic_state ?? "grouping"; // absent means grouping (design §6)
  return stated === shown ? record.document : withMetadata(record.document, { traffic_state: shown });
}
