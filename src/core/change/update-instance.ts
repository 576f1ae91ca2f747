import { ServingError } from "../errors.ts";
import type { InstanceId, ServiceName } from "../names.ts";
import type { DesiredState, NewEvent, ServiceRecord } from "../service.ts";
import { advance, type ChangeContext, type Decision, findChangeable, invalid } from "./decision.ts";
import { slotsOf } from "./delete-instances.ts";

/** What is left out stays as it is. Detaching is for good. */
export interface InstanceOrders {
  readonly isolate?: boolean;
  readonly detach?: true;
}

export interface UpdateInstanceRequest {
  readonly name: ServiceName;
  readonly instance: InstanceId;
  readonly orders: InstanceOrders;
  /** Instances that exist now. */
  readonly known: readonly InstanceId[];
}

/**
 * UpdateServiceInstance. An isolated instance gets no requests from the next route table on, runs on, and counts as one of the wanted ones:
 * nobody takes its place, so it can be let back at once. A detached one is replaced; it serves until the one in its
 * place is ready, unless it is isolated, and then runs on without requests until it is deleted or the service is stopped. One that is
 * leaving anyway is neither.
 * @throws ServingError SERVICE_NOT_FOUND, SERVICE_DELETING, SAFETY_LOCKED, INSTANCE_NOT_FOUND, INVALID_ARGUMENT
 */
export function updateInstance(
  state: DesiredState,
  { name, instance, orders, known }: UpdateInstanceRequest,
  { nowMs }: Pick<ChangeContext, "nowMs">,
): Decision<ServiceRecord> {
  const before = findChangeable(state, name);
  if (!known.includes(instance)) {
    throw new ServingError("INSTANCE_NOT_FOUND", { service: name, instances: [instance] });
  }
  const isDetached = before.detached?.includes(instance) === true;
  const isIsolated = before.isolated?.includes(instance) === true;
  if (isDetached && orders.isolate === false) {
    const allowed = "true: what is detached gets no requests again; delete it when it is no longer needed";
    throw invalid({ path: "$.Isolate", found: "false", allowed });
  }
  if (orders.detach && before.desired !== "running" && !isDetached) {
    throw invalid({ path: "$.Detach", found: "true", allowed: "nothing, while the service is stopped" });
  }
  const path = orders.detach ? "$.Detach" : "$.Isolate";
  const slots = isDetached ? null : slotsOf(before, [instance], known, path);
  const detaches = orders.detach === true && slots !== null;
  const isolates = orders.isolate === undefined ? isIsolated : orders.isolate;
  if (!detaches && isolates === isIsolated) return { changes: [], record: before };
  const others = (before.isolated ?? []).filter((id) => id !== instance);
  const record = advance(before, nowMs, {
    isolated: isolates ? [...others, instance] : others,
    ...(detaches ? { ...slots.retired, detached: [...(before.detached ?? []), instance] } : {}),
  });
  const told = [
    ...(detaches ? [DETACHING] : []),
    ...(isolates === isIsolated ? [] : [isolates ? ISOLATING : RETURNING]),
  ];
  const events = told.map(([reason, text]) => instanceEvent(name, nowMs, instance, reason, text));
  return { record, changes: [{ kind: "put-service", record }, ...events] };
}

const DETACHING = [
  "Detaching",
  "It was detached by hand: another takes its place, and then it runs on without requests until it is deleted",
] as const;
const ISOLATING = ["Isolating", "It was isolated by hand: it runs on and gets no requests"] as const;
const RETURNING = ["Returning", "Its isolation was ended by hand: it gets requests again"] as const;

/** An event of one instance, as a change. */
export function instanceEvent(
  service: ServiceName,
  atMs: number,
  instance: InstanceId,
  reason: string,
  text: string,
): { readonly kind: "add-event"; readonly event: NewEvent } {
  const message = `Instance [${instance}]: ${text}`;
  return {
    kind: "add-event",
    event: { service, atMs, type: "Normal", reason, resource: "Instance", instance, message },
  };
}
