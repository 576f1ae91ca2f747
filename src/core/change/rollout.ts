import type { ServiceName } from "../names.ts";
import { intervalText, OPEN_RULE, type RolloutRule } from "../rollout.ts";
import type { Change, DesiredState, ServiceRecord } from "../service.ts";
import { isSame } from "../spec/json-value.ts";
import { amountText } from "../spec/rolling.ts";
import type { Json } from "../spec/service-spec.ts";
import { advance, type ChangeContext, type Decision, findLasting, serviceEvent } from "./decision.ts";

export interface RolloutRequest {
  readonly name: ServiceName;
  /** What is left out stays as it is; batch null ends batches. */
  readonly change: Partial<RolloutRule>;
}

/**
 * CreateServiceRollout: the rule as given, whatever it was; what is left out holds nothing back.
 * @throws ServingError SERVICE_NOT_FOUND, SERVICE_DELETING
 */
export function createRollout(
  state: DesiredState,
  { name, change }: RolloutRequest,
  context: Pick<ChangeContext, "nowMs">,
): Decision<ServiceRecord> {
  return put(findLasting(state, name), { ...OPEN_RULE, ...change }, context);
}

/**
 * UpdateServiceRollout: what is left out stays; without a rule it begins from the one that holds nothing back, so that an update that goes on can
 * be paused.
 * @throws ServingError SERVICE_NOT_FOUND, SERVICE_DELETING
 */
export function updateRollout(
  state: DesiredState,
  { name, change }: RolloutRequest,
  context: Pick<ChangeContext, "nowMs">,
): Decision<ServiceRecord> {
  const before = findLasting(state, name);
  return put(before, { ...(before.rollout ?? OPEN_RULE), ...change }, context);
}

/**
 * DeleteServiceRollout: nothing is held back any more; an update that goes on comes to its end.
 * @throws ServingError SERVICE_NOT_FOUND, SERVICE_DELETING
 */
export function deleteRollout(
  state: DesiredState,
  name: ServiceName,
  context: Pick<ChangeContext, "nowMs">,
): Decision<ServiceRecord> {
  return put(findLasting(state, name), null, context);
}

/**
 * The last step of an update, asked for by the reconciler when all instances run the version in force and nothing else is there.
 * No new generation: nothing else is wanted than before. Nothing when another update has begun meanwhile.
 */
export function finishUpdate(state: DesiredState, name: ServiceName, generation: number): readonly Change[] {
  const record = state.services.get(name);
  if (record?.generation !== generation || !record.updatingFrom) return [];
  return [{ kind: "put-service", record: { ...record, updatingFrom: null } }];
}

function put(
  before: ServiceRecord,
  rollout: RolloutRule | null,
  { nowMs }: Pick<ChangeContext, "nowMs">,
): Decision<ServiceRecord> {
  if (isSame((before.rollout ?? null) as Json, rollout as Json)) return { changes: [], record: before };
  const record = advance(before, nowMs, { rollout });
  const text = `Rollout of service [${before.name}]: ${ruleText(rollout)}`;
  return {
    record,
    changes: [{ kind: "put-service", record }, serviceEvent(before.name, nowMs, "RolloutChanged", text)],
  };
}

/** `paused, 50% stay at the version before, batches of 1 every 5m` */
export function ruleText(rule: RolloutRule | null): string {
  const parts: string[] = [];
  if (rule?.isPaused) parts.push("paused");
  const partition = amountText((rule ?? OPEN_RULE).partition);
  if (partition !== "0" && partition !== "0%") parts.push(`${partition} stay at the version before`);
  const batch = rule?.batch;
  if (batch) parts.push(`batches of ${amountText(batch.size)}, ${intervalText(batch.intervalMs)} apart`);
  return parts.length === 0 ? "nothing is held back" : parts.join(", ");
}
