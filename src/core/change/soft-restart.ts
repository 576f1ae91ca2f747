import type { InstanceId } from "../names.ts";
import type { DesiredState, ServiceRecord } from "../service.ts";
import { advance, type ChangeContext, type Decision, findChangeable, invalid } from "./decision.ts";
import { type DeleteInstancesRequest, slotsOf } from "./delete-instances.ts";
import { instanceEvent } from "./update-instance.ts";

/**
 * DeleteServiceInstances with SoftRestart: the processors of the named instances start again under the same names, each after its
 * requests are over, one at a time of those that serve. No safety lock `dangerous` is in its way, as nothing is taken away.
 * @throws ServingError SERVICE_NOT_FOUND, SERVICE_DELETING, SAFETY_LOCKED, INSTANCE_NOT_FOUND, INVALID_ARGUMENT
 */
export function softRestart(
  state: DesiredState,
  { name, instances, known }: DeleteInstancesRequest,
  { nowMs }: Pick<ChangeContext, "nowMs">,
): Decision<ServiceRecord> {
  const before = findChangeable(state, name);
  const detached = instances.filter((id) => before.detached?.includes(id));
  const path = "?InstanceList";
  if (detached.length > 0) {
    const allowed = "instances that shall run; a detached one is kept as it is";
    throw invalid({ path, found: detached.join(", "), allowed });
  }
  if (before.desired !== "running") {
    throw invalid({ path, found: instances.join(", "), allowed: "nothing, while the service is stopped" });
  }
  if (slotsOf(before, instances, known, path).count === 0) return { changes: [], record: before };
  const softRestarts: Record<InstanceId, number> = { ...before.softRestarts };
  for (const id of new Set(instances)) softRestarts[id] = (softRestarts[id] ?? 0) + 1;
  const record = advance(before, nowMs, { softRestarts });
  const events = Object.keys(softRestarts)
    .filter((id) => instances.includes(id as InstanceId))
    .map((id) =>
      instanceEvent(name, nowMs, id as InstanceId, "SoftRestarting", "A soft restart was asked for by hand"),
    );
  return { record, changes: [{ kind: "put-service", record }, ...events] };
}
