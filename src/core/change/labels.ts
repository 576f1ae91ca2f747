import type { ServiceName } from "../names.ts";
import type { DesiredState, ServiceRecord } from "../service.ts";
import { isObject } from "../spec/json-value.ts";
import { parseStored } from "../spec/parse.ts";
import type { Json } from "../spec/service-spec.ts";
import { type ChangeContext, type Decision, findChangeable } from "./decision.ts";
import { reachOf } from "./reach.ts";
import { updateService } from "./update.ts";

/** Which labels of a service are set, and then which are removed. */
export interface LabelRequest {
  readonly name: ServiceName;
  readonly set: Readonly<Record<string, string>>;
  readonly removed: readonly string[];
}

/**
 * UpdateServiceLabel and DeleteServiceLabel: `labels` of the document, in place, without a new version. Nothing that changes is no change.
 * @throws ServingError SERVICE_NOT_FOUND, SERVICE_DELETING, SAFETY_LOCKED, INVALID_SPEC (too many, too long)
 */
export function changeLabels(
  state: DesiredState,
  { name, set, removed }: LabelRequest,
  context: ChangeContext,
): Decision<ServiceRecord> {
  const before = findChangeable(state, name);
  const { labels, ...rest } = before.document;
  const gone = new Set(removed);
  const all = { ...(isObject(labels) ? (labels as Record<string, Json>) : {}), ...set };
  const kept = Object.entries(all).filter(([key]) => !gone.has(key));
  const after = parseStored(kept.length === 0 ? rest : { ...rest, labels: Object.fromEntries(kept) });
  return updateService(state, { name, after, reach: reachOf(before, after) }, context);
}
