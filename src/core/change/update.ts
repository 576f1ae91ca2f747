import { type Problem, ServingError } from "../errors.ts";
import type { Change, DesiredState, ServiceRecord, ServiceVersion } from "../service.ts";
import type { ChangeKind } from "../spec/classify.ts";
import { isSame } from "../spec/json-value.ts";
import type { ParsedSpec } from "../spec/service-spec.ts";
import {
  advance,
  type ChangeContext,
  type Decision,
  findChangeable,
  instanceCountOf,
  metadataOf,
  refuseLocked,
  serviceEvent,
  speaksOnlyGrpc,
  withMetadata,
} from "./decision.ts";
import { release } from "./release.ts";
import { withReplaced } from "./tokens.ts";
import { revisionBefore, surplusVersions, VERSIONS_KEPT } from "./versions.ts";

export interface UpdateRequest {
  readonly name: ServiceRecord["name"];
  /** The whole document as it shall be: merged, or replaced. */
  readonly after: ParsedSpec;
  /** How far the change reaches, by `classifyChange`. */
  readonly reach: ChangeKind;
}

/**
 * `modify`: the same document is no change; of the count alone scales; of what instances run makes a new version.
 * `metadata.traffic_state`, when the document states another one, acts like `release -s`; the token follows
 * the document when it has one.
 * @throws ServingError SERVICE_NOT_FOUND, SERVICE_DELETING, SAFETY_LOCKED, GROUP_IS_FIXED, MODE_IS_EXCLUSIVE, INVALID_ARGUMENT (name, enable_grpc)
 */
export function updateService(
  state: DesiredState,
  { name, after, reach }: UpdateRequest,
  context: ChangeContext,
): Decision<ServiceRecord> {
  const before = findChangeable(state, name);
  const { spec } = after;
  refuseFixed(before, spec);
  if (reach === "nothing" && isSame(before.document, after.document)) return { changes: [], record: before };

  if (spec.instanceCount === 0 && instanceCountOf(before.document) > 0) refuseLocked(before, true);

  const stated = metadataOf(after.document).traffic_state;
  const current = before.trafficState === "blue-green" ? "grouping" : before.trafficState;
  const moved =
    before.group !== null && stated !== undefined && spec.trafficState !== current
      ? release(state, { name, release: { kind: "state", trafficState: spec.trafficState } }, context)
      : { changes: [], record: before };

  const isNewVersion = reach === "new-version";
  const version = isNewVersion ? before.latestVersion + 1 : before.version;
  const shown = moved.record.trafficState === "blue-green" ? "grouping" : moved.record.trafficState;
  const document =
    stated === undefined || before.group === null
      ? after.document
      : withMetadata(after.document, { traffic_state: shown });
  const record: ServiceRecord = {
    ...advance(before, context.nowMs, {
      trafficState: moved.record.trafficState,
      weight: moved.record.weight,
      document,
      ...withReplaced(before, spec.token ?? before.token, context.nowMs),
    }),
    ...(isNewVersion
      ? { version, latestVersion: version, epoch: 0, retiredSlots: [], updatingFrom: revisionBefore(before) }
      : {}),
  };
  const others = moved.changes.filter((c) => c.kind !== "put-service" || c.record.name !== name);
  return {
    record,
    changes: [
      ...others,
      { kind: "put-service", record },
      ...versionChanges(state, { before, record, reach }, context),
      serviceEvent(name, context.nowMs, ...eventOf(record, reach, spec.instanceCount)),
    ],
  };
}

function eventOf(record: ServiceRecord, reach: ChangeKind, count: number): [string, string] {
  if (reach === "new-version") {
    return ["Updating", `Service [${record.name}] is updating to version ${record.version}`];
  }
  if (reach === "scale") return ["Scaling", `Service [${record.name}] is scaling to ${count}`];
  return ["Changed", `Service [${record.name}] was changed in place, without new instances`];
}

/** A new version is put, and the oldest go beyond those kept; a change in place stays with its version. */
function versionChanges(
  state: DesiredState,
  { before, record, reach }: { before: ServiceRecord; record: ServiceRecord; reach: ChangeKind },
  { nowMs, versionsKept }: Pick<ChangeContext, "nowMs" | "versionsKept">,
): Change[] {
  const stored = state.versions.get(record.name) ?? [];
  const same = stored.find((v) => v.version === record.version);
  const version: ServiceVersion = {
    service: record.name,
    version: record.version,
    document: record.document,
    createdAtMs: same?.createdAtMs ?? nowMs,
    message: same?.message ?? "Service was updated",
  };
  if (reach !== "new-version") return [{ kind: "put-version", version }];
  const surplus = surplusVersions(stored, before, versionsKept ?? VERSIONS_KEPT);
  return [
    { kind: "put-version", version },
    ...surplus.map((v) => ({ kind: "remove-version", service: v.service, version: v.version }) as const),
  ];
}

/** What is fixed for the life of a service, all of it at once. A group alone has a code of its own. */
function refuseFixed(before: ServiceRecord, spec: ParsedSpec["spec"]): void {
  const problems: Problem[] = [];
  if (spec.name !== before.name) {
    const allowed = `${before.name}: a name cannot change`;
    problems.push({ path: "$.metadata.name", found: spec.name, allowed });
  }
  const isGrpc = speaksOnlyGrpc(before.document);
  if ((spec.protocol === "grpc") !== isGrpc) {
    // While instances are replaced, both kinds would be behind one address.
    const allowed = `${isGrpc}: what a service speaks cannot change; create another service and move to it`;
    problems.push({ path: "$.metadata.enable_grpc", found: String(!isGrpc), allowed });
  }
  if (spec.group !== before.group) {
    if (problems.length === 0) {
      const group = before.group === null ? "no group" : `group ${before.group}`;
      throw new ServingError("GROUP_IS_FIXED", { service: before.name, group });
    }
    const found = spec.group ?? "nothing";
    const allowed = `${before.group ?? "no group"}: the group of a service cannot change`;
    problems.push({ path: "$.metadata.group", found, allowed });
  }
  if (problems.length > 0) throw new ServingError("INVALID_ARGUMENT", { problems });
}
