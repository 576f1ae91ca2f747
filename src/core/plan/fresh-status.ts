import { instanceCountOf } from "../change/decision.ts";
import { wantedInstances } from "../change/slots.ts";
import type { ServiceRecord, ServiceStatus } from "../service.ts";

/** What a service is before its first plan. */
export function initialStatus(record: ServiceRecord): ServiceStatus {
  return {
    observedGeneration: 0,
    phase: "Creating",
    reason: "CREATING",
    message: `Service is now creating`,
    progress: [],
    instances: [],
    serving: [],
    ...(record.desired === "deleted" ? { phase: "Deleting" as const } : {}),
  };
}

/**
 * The status as it may be shown with a record: one that was planned for an earlier generation must not say `Running`
 * about what was asked for a moment ago. The next plan, some milliseconds later, says it in full.
 */
export function freshStatus(record: ServiceRecord, status: ServiceStatus | undefined): ServiceStatus {
  if (status === undefined) return initialStatus(record);
  if (status.observedGeneration >= record.generation) return status;
  const { name } = record;
  if (record.desired === "deleted") {
    return { ...status, phase: "Deleting", reason: "DELETING", message: `Service [${name}] is terminating` };
  }
  if (record.desired === "stopped") {
    if (status.phase === "Stopped") return status;
    return { ...status, phase: "Stopping", reason: "STOPPING", message: `Service [${name}] is stopping` };
  }
  if (status.phase === "Stopped" || status.phase === "Stopping") {
    return { ...status, phase: "Starting", reason: "STARTING", message: `Service [${name}] is starting` };
  }
  if (status.phase !== "Running") return status;
  const wanted = wantedInstances(record, instanceCountOf(record.document));
  const attached = status.instances.filter((i) => !i.isDetached);
  const isAsWanted = attached.every((i) => wanted.has(i.id) && i.isReady) && wanted.size === attached.length;
  if (isAsWanted) return status;
  const isReplacing = attached.some((i) => i.version !== record.version || i.epoch !== record.epoch);
  return isReplacing
    ? { ...status, phase: "Updating", reason: "UPDATING", message: `Service [${name}] is updating` }
    : { ...status, phase: "Scaling", reason: "SCALING", message: `Service [${name}] is scaling` };
}
