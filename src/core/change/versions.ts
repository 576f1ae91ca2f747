import type { Revision } from "../rollout.ts";
import type { ServiceRecord, ServiceVersion } from "../service.ts";

/** Versions kept to roll back to, unless told. Ten documents of at most some 100 kB: more would only make lists long. */
export const VERSIONS_KEPT = 10;

/**
 * What an update or a rollback replaces. An update that is not over goes on from where the first one began: what it has
 * brought so far is no version that was ever in force as a whole.
 */
export function revisionBefore(record: ServiceRecord): Revision {
  const { version, epoch, retiredSlots } = record;
  return record.updatingFrom ?? { version, epoch, retiredSlots };
}

/**
 * The versions that go when another one is put: the oldest beyond `keptCount`. Never the one that was in force until now, nor
 * the one that instances are held back at: these are what somebody goes back to first.
 */
export function surplusVersions(
  stored: readonly ServiceVersion[],
  before: ServiceRecord,
  keptCount: number,
): readonly ServiceVersion[] {
  const needed = new Set([before.version, revisionBefore(before).version]);
  const surplus = Math.max(0, stored.length + 1 - keptCount);
  return stored.filter((v) => !needed.has(v.version)).slice(0, surplus);
}
