import { type InstanceId, instanceId } from "../names.ts";
import type { ServiceRecord } from "../service.ts";

/** Slots that shall run: the first `count` whole numbers from 0 that are not retired. */
export function wantedSlots(retired: readonly number[], count: number): number[] {
  const gone = new Set(retired);
  const slots: number[] = [];
  for (let slot = 0; slots.length < count; slot++) if (!gone.has(slot)) slots.push(slot);
  return slots;
}

/** The instances that shall run of a service, by id, with their slots. The names of detached ones are taken as long as these are there. */
export function wantedInstances(record: ServiceRecord, count: number): Map<InstanceId, number> {
  const { name, version, epoch } = record;
  const idOf = (slot: number) => instanceId({ service: name, version, epoch, slot });
  const detached = new Set(record.detached);
  const slots = wantedSlots(record.retiredSlots, count + detached.size).filter((s) => !detached.has(idOf(s)));
  return new Map(slots.slice(0, count).map((slot) => [idOf(slot), slot]));
}
