import { instanceCountOf } from "../src/core/change/decision.ts";
import { wantedInstances } from "../src/core/change/slots.ts";
import type { InstanceId } from "../src/core/names.ts";
import { OPEN_RULE } from "../src/core/rollout.ts";
import type { ServiceRecord } from "../src/core/service.ts";
import { amountOf } from "../src/core/spec/rolling.ts";
import type { ControlWorld } from "../src/testing/control-world.ts";

/** The instances that must run when all has settled: told from the record alone, but for how far a paused rollout had come. */
export function wantedWhenSettled(record: ServiceRecord, { store }: ControlWorld): InstanceId[] {
  const count = instanceCountOf(record.document);
  if (!record.updatingFrom) return [...wantedInstances(record, count).keys()];
  const { partition, isPaused } = record.rollout ?? OPEN_RULE;
  const limit = Math.max(0, count - amountOf(partition, count, Math.ceil));
  const reached = store.statuses.get(record.name)?.rollout?.wantedCount ?? 0;
  const updated = isPaused ? Math.min(limit, reached) : limit;
  const before = wantedInstances({ ...record, ...record.updatingFrom }, count - updated);
  return [...wantedInstances(record, updated).keys(), ...before.keys()];
}
