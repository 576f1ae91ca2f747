import { ServingError } from "../errors.ts";
import type { ServiceName } from "../names.ts";
import type { DesiredState, ServiceRecord } from "../service.ts";
import type { Json, JsonObject } from "../spec/service-spec.ts";
import {
  advance,
  type ChangeContext,
  type Decision,
  findChangeable,
  metadataOf,
  serviceEvent,
} from "./decision.ts";
import { revisionBefore } from "./versions.ts";

/** What belongs to the service of now and not to one of its versions, at the top and in `metadata`. */
const TOP_OF_NOW = ["token", "labels"];
const METADATA_OF_NOW = ["instance", "traffic_state", "rolling_strategy", "workspace_id"];

export interface SwitchVersionRequest {
  readonly name: ServiceName;
  readonly version: number;
}

/**
 * Back (or forth) to a kept version, under its own number. Instance count, token, labels, traffic state, workspace (whose keys may
 * see it) and the pace of updates stay those of now, also where it has none. The version in force already: no change. Back to where an update that is not over came from, that update ends: what
 * still runs of that version is taken back as it is, and no rollout holds the way back up.
 * @throws ServingError SERVICE_NOT_FOUND, SERVICE_DELETING, SAFETY_LOCKED, VERSION_NOT_FOUND
 */
export function switchVersion(
  state: DesiredState,
  { name, version }: SwitchVersionRequest,
  { nowMs }: Pick<ChangeContext, "nowMs">,
): Decision<ServiceRecord> {
  const before = findChangeable(state, name);
  const kept = state.versions.get(name) ?? [];
  const target = kept.find((v) => v.version === version);
  if (target === undefined) {
    const versions = kept.map((v) => v.version);
    throw new ServingError("VERSION_NOT_FOUND", { service: name, version, versions });
  }
  if (version === before.version) return { changes: [], record: before };

  const metadata = {
    ...without(metadataOf(target.document), METADATA_OF_NOW),
    ...pick(metadataOf(before.document), METADATA_OF_NOW),
  };
  const top = pick(before.document, TOP_OF_NOW);
  const from = before.updatingFrom?.version === version ? before.updatingFrom : null;
  const record = advance(before, nowMs, {
    document: { ...without(target.document, TOP_OF_NOW), ...top, metadata },
    version,
    epoch: from?.epoch ?? 0, // instances of it that still serve are taken back: a rollback during a rollout is instant
    retiredSlots: from?.retiredSlots ?? [],
    updatingFrom: from === null ? revisionBefore(before) : null,
  });
  const text = `Service [${name}] is switching from version ${before.version} to version ${version}`;
  return {
    record,
    changes: [{ kind: "put-service", record }, serviceEvent(name, nowMs, "Updating", text)],
  };
}

function without(from: JsonObject, keys: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(from).filter(([key]) => !keys.includes(key)));
}

function pick(from: Readonly<Record<string, Json>>, keys: readonly string[]): Record<string, Json> {
  return Object.fromEntries(Object.entries(from).filter(([key]) => keys.includes(key)));
}
