import { ServingError } from "../errors.ts";
import type { InstanceId, ServiceName } from "../names.ts";
import type { DesiredState, ServiceRecord } from "../service.ts";
import {
  advance,
  type ChangeContext,
  type Decision,
  findLasting,
  instanceCountOf,
  invalid,
  serviceEvent,
} from "./decision.ts";
import { wantedInstances } from "./slots.ts";

export interface DeleteInstancesRequest {
  readonly name: ServiceName;
  readonly instances: readonly InstanceId[];
  /** Instances that exist now, for a better refusal. */
  readonly known: readonly InstanceId[];
}

/**
 * Deletes instances by name: their slots are retired, so others under new slots take their place, make before break.
 * @throws ServingError SERVICE_NOT_FOUND, SERVICE_DELETING, INSTANCE_NOT_FOUND, INVALID_ARGUMENT
 */
export function deleteInstances(
  state: DesiredState,
  { name, instances, known }: DeleteInstancesRequest,
  { nowMs }: Pick<ChangeContext, "nowMs">,
): Decision<ServiceRecord> {
  const before = findLasting(state, name);
  const slots = slotsOf(before, instances, known, "$.InstanceList");
  if (slots.count === 0) return { changes: [], record: before };
  const record = advance(before, nowMs, slots.retired);
  const text = `Instances [${instances.join(", ")}] of service [${name}] are deleted and replaced`;
  return {
    record,
    changes: [{ kind: "put-service", record }, serviceEvent(name, nowMs, "DeletingInstances", text)],
  };
}

/** Slots that are to be retired, and the parts of the record that say so. */
export interface SlotsToRetire {
  readonly count: number;
  readonly retired: Pick<ServiceRecord, "retiredSlots" | "updatingFrom">;
}

/**
 * Slots of the named instances, each once. Only instances that shall run may be named: of the version in force, or held back at the
 * one before by a rollout. One of an older version, or one that is leaving, goes by itself.
 */
export function slotsOf(
  record: ServiceRecord,
  instances: readonly InstanceId[],
  known: readonly InstanceId[],
  path: string,
): SlotsToRetire {
  const count = instanceCountOf(record.document);
  const current = wantedInstances(record, count);
  const from = record.rollout ? record.updatingFrom : null;
  const base = from ? wantedInstances({ ...record, ...from }, count) : new Map<InstanceId, number>();
  const strangers = instances.filter((id) => !current.has(id) && !base.has(id));
  const missing = strangers.filter((id) => !known.includes(id));
  if (missing.length > 0) {
    throw new ServingError("INSTANCE_NOT_FOUND", { service: record.name, instances: missing });
  }
  if (strangers.length > 0) {
    const allowed = `an instance of version ${record.version} that shall run; the others leave by themselves`;
    throw invalid({ path, found: strangers.join(", "), allowed });
  }
  const of = (wanted: ReadonlyMap<InstanceId, number>) => [
    ...new Set(instances.flatMap((id) => wanted.get(id) ?? [])),
  ];
  const merge = (retired: readonly number[], slots: readonly number[]) =>
    [...retired, ...slots].sort((a, b) => a - b);
  const [own, held] = [of(current), of(base)];
  return {
    count: own.length + held.length,
    retired: {
      retiredSlots: merge(record.retiredSlots, own),
      ...(from ? { updatingFrom: { ...from, retiredSlots: merge(from.retiredSlots, held) } } : {}),
    },
  };
}
