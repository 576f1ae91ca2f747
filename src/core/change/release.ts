import { ServingError } from "../errors.ts";
import type { ServiceName } from "../names.ts";
import type { DesiredState, ServiceRecord, TrafficState } from "../service.ts";
import {
  type GroupTraffic,
  isBlueGreen,
  isWeightless,
  toAuto,
  WEIGHT_MAX,
  withPercent,
  withState,
  withWeight,
} from "../traffic/group-traffic.ts";
import {
  type ChangeContext,
  type Decision,
  findChangeable,
  findGroup,
  invalid,
  serviceEvent,
} from "./decision.ts";
import { applyTraffic, trafficOf } from "./membership.ts";

export interface ReleaseRequest {
  readonly name: ServiceName;
  readonly release:
    | { readonly kind: "state"; readonly trafficState: Exclude<TrafficState, "blue-green"> }
    /** Percent in a group of two, relative weight in any other; −1 goes back to mode `auto`. */
    | { readonly kind: "weight"; readonly weight: number };
}

/**
 * `release`: what a service gets of its group's traffic (design §6, eas-reference §6.3).
 * @throws ServingError SERVICE_NOT_FOUND, SERVICE_DELETING, SAFETY_LOCKED, NOT_IN_GROUP, MODE_IS_EXCLUSIVE, INVALID_ARGUMENT
 */
export function release(
  state: DesiredState,
  request: ReleaseRequest,
  { nowMs }: Pick<ChangeContext, "nowMs">,
): Decision<ServiceRecord> {
  const before = findChangeable(state, request.name);
  if (before.group === null) throw new ServingError("NOT_IN_GROUP", { service: request.name });
  const group = findGroup(state, before.group);
  const after = decide(trafficOf(state, group), group.name, request);
  const { changes, services } = applyTraffic(state, group, after, nowMs);
  const record = services.get(request.name) ?? before;
  if (changes.length > 0 || request.release.kind === "weight") return { changes, record };
  const { trafficState } = request.release;
  if (trafficState === record.trafficState) return { changes, record };
  const text = `Service [${request.name}] stays ${record.trafficState}: the only service of a group takes part`;
  return { changes: [serviceEvent(request.name, nowMs, "TrafficChanged", text)], record };
}

function decide(group: GroupTraffic, groupName: string, { name, release }: ReleaseRequest): GroupTraffic {
  if (release.kind === "state") {
    if (isBlueGreen(group)) {
      throw new ServingError("MODE_IS_EXCLUSIVE", { group: groupName, mode: "blue-green" });
    }
    return withState(group, name, release.trafficState);
  }
  const { weight } = release;
  if (weight === -1) return toAuto(group);
  const isPair = group.members.length === 2;
  const max = isPair ? 100 : WEIGHT_MAX;
  if (!Number.isInteger(weight) || weight < 0 || weight > max) {
    const meaning = isPair ? "percent of a group of two" : "relative weight";
    throw invalid({ path: "$.Weight", found: String(weight), allowed: `0 to ${max} (${meaning}), or -1` });
  }
  const after = isPair ? withPercent(group, name, weight) : withWeight(group, name, weight);
  if (isWeightless(after)) {
    throw invalid({
      path: "$.Weight",
      found: "0",
      allowed: "1 or more while no other service of the group has a weight: else nobody gets a request",
    });
  }
  return after;
}
