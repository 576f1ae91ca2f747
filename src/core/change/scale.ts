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
  withMetadata,
} from "./decision.ts";
import { slotsOf } from "./delete-instances.ts";

/** Most instances of one service (`metadata.instance`). */
export const INSTANCES_MAX = 1000;

export interface ScaleRequest {
  readonly name: ServiceName;
  readonly count: number;
  /** The first to go when the count shrinks; at most as many as go. */
  readonly instancesToDelete: readonly InstanceId[];
  /** Instances that exist now, for a better refusal of `instancesToDelete`. */
  readonly known: readonly InstanceId[];
}

/**
 * `scale`: another instance count, no new version. A stopped service keeps the count for its next start.
 * @throws ServingError SERVICE_NOT_FOUND, SERVICE_DELETING, INSTANCE_NOT_FOUND, INVALID_ARGUMENT
 */
export function scaleService(
  state: DesiredState,
  { name, count, instancesToDelete, known }: ScaleRequest,
  { nowMs }: Pick<ChangeContext, "nowMs">,
): Decision<ServiceRecord> {
  const before = findLasting(state, name);
  if (!Number.isInteger(count) || count < 0 || count > INSTANCES_MAX) {
    throw invalid({ path: "$.Instance", found: String(count), allowed: `0 to ${INSTANCES_MAX}` });
  }
  const from = instanceCountOf(before.document);
  const going = Math.max(0, from - count);
  const slots = slotsOf(before, instancesToDelete, known, "$.InstancesToDelete");
  if (slots.count > going) {
    throw invalid({
      path: "$.InstancesToDelete",
      found: `${slots.count} instances`,
      allowed: `at most ${going}, as many as go from ${from} to ${count}`,
    });
  }
  if (count === from) return { changes: [], record: before };
  const record = advance(before, nowMs, {
    document: withMetadata(before.document, { instance: count }),
    ...slots.retired,
  });
  const text = `Service [${name}] is scaling from ${from} to ${count}`;
  return {
    record,
    changes: [{ kind: "put-service", record }, serviceEvent(name, nowMs, "Scaling", text)],
  };
}
