import type { ServiceName } from "../names.ts";
import type { DesiredState, ServiceRecord } from "../service.ts";
import { advance, type ChangeContext, type Decision, findChangeable, serviceEvent } from "./decision.ts";

/**
 * `stop`: instances go, detached ones too; the spec, the address and the share in a group's weights stay.
 * @throws ServingError SERVICE_NOT_FOUND, SERVICE_DELETING, SAFETY_LOCKED
 */
export function stopService(
  state: DesiredState,
  name: ServiceName,
  { nowMs }: Pick<ChangeContext, "nowMs">,
): Decision<ServiceRecord> {
  const before = findChangeable(state, name, true);
  if (before.desired === "stopped") return { changes: [], record: before };
  const record = advance(before, nowMs, { desired: "stopped", detached: [] });
  const event = serviceEvent(name, nowMs, "Stopping", `Service [${name}] is stopping`);
  return { record, changes: [{ kind: "put-service", record }, event] };
}
