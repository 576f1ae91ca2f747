import type { ServiceName } from "../names.ts";
import type { DesiredState, ServiceRecord } from "../service.ts";
import { advance, type ChangeContext, type Decision, findLasting, serviceEvent } from "./decision.ts";

/**
 * `restart`: every instance is replaced, make before break, without a new version. A stopped service is started.
 * @throws ServingError SERVICE_NOT_FOUND, SERVICE_DELETING
 */
export function restartService(
  state: DesiredState,
  name: ServiceName,
  { nowMs }: Pick<ChangeContext, "nowMs">,
): Decision<ServiceRecord> {
  const before = findLasting(state, name);
  const from = before.updatingFrom;
  const record = advance(before, nowMs, {
    desired: "running",
    epoch: before.epoch + 1,
    retiredSlots: [],
    // Those that a rollout holds back at the version before are restarted there.
    ...(from ? { updatingFrom: { ...from, epoch: from.epoch + 1, retiredSlots: [] } } : {}),
  });
  const event = serviceEvent(name, nowMs, "Restarting", `Service [${name}] is restarting`);
  return { record, changes: [{ kind: "put-service", record }, event] };
}
