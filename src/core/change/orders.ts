import { type InstanceId, instanceId } from "../names.ts";
import type { ServiceRecord } from "../service.ts";

/**
 * The record with only those orders about single instances that still mean something: names come again after a rollback, and a
 * new instance must not be bound by what was said of another one. Isolation and soft restarts belong to instances of the version in
 * force, of the one that an update replaces, and to detached ones.
 */
export function keptOrders(record: ServiceRecord): ServiceRecord {
  const { isolated, softRestarts, ...rest } = record;
  if (isolated === undefined && softRestarts === undefined) return record;
  const isKept = ordersApplyTo(record);
  const keptIsolated = (isolated ?? []).filter(isKept);
  const keptRestarts = Object.entries(softRestarts ?? {}).filter(([id]) => isKept(id as InstanceId));
  return {
    ...rest,
    ...(keptIsolated.length === 0 ? {} : { isolated: keptIsolated }),
    ...(keptRestarts.length === 0 ? {} : { softRestarts: Object.fromEntries(keptRestarts) }),
  };
}

/** Whether an instance is one that orders are given about now. */
export function ordersApplyTo(record: ServiceRecord): (id: InstanceId) => boolean {
  const { name, version, epoch, updatingFrom } = record;
  const revisions = [{ version, epoch }, ...(updatingFrom ? [updatingFrom] : [])];
  const stems = revisions.map((r) =>
    instanceId({ service: name, version: r.version, epoch: r.epoch, slot: 0 }).slice(0, -1),
  );
  const detached = new Set(record.detached);
  return (id) => detached.has(id) || stems.some((stem) => id.startsWith(stem));
}
