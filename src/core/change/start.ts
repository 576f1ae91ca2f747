import type { ServiceName } from "../names.ts";
import type { DesiredState, ServiceRecord } from "../service.ts";
import { advance, type ChangeContext, type Decision, findChangeable, serviceEvent } from "./decision.ts";

/**
 * `start`: a stopped service gets its instances again. No change when it is not stopped.
 * @throws ServingError SERVICE_NOT_FOUND, SERVICE_DELETING, SAFETY_LOCKED
 */
export function startService(
  state: DesiredState,
  name: ServiceName,
  { nowMs }: Pick<ChangeContext, "nowMs">,
): Decision<ServiceRecord> {
  const before = findChangeable(state, name);
  if (before.desired === "running") return { changes: [], record: before };
  const record = advance(before, nowMs, { desired: "running" });
  const event = serviceEvent(name, nowMs, "Starting", `Service [${name}] is starting`);
  return { record, changes: [{ kind: "put-service", record }, event] };
}
