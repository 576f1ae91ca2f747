import type { ServiceName } from "../names.ts";
import type { DesiredState, SafetyLock, ServiceRecord } from "../service.ts";
import { advance, type ChangeContext, type Decision, findLasting, serviceEvent } from "./decision.ts";

/**
 * UpdateServiceSafetyLock. The only change that no lock refuses; what goes on by itself (an update, a restart after a crash) goes on.
 * @throws ServingError SERVICE_NOT_FOUND, SERVICE_DELETING
 */
export function setSafetyLock(
  state: DesiredState,
  { name, lock }: { readonly name: ServiceName; readonly lock: SafetyLock },
  { nowMs }: Pick<ChangeContext, "nowMs">,
): Decision<ServiceRecord> {
  const before = findLasting(state, name);
  const from = before.lock ?? "none";
  if (from === lock) return { changes: [], record: before };
  const record = advance(before, nowMs, { lock });
  const text = `The safety lock of service [${name}] was set from ${from} to ${lock}`;
  return { record, changes: [{ kind: "put-service", record }, serviceEvent(name, nowMs, "Locked", text)] };
}
