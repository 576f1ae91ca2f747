import { type Problem, ServingError } from "../errors.ts";
import type { GroupName, ServiceName } from "../names.ts";
import type { Change, DesiredState, GroupRecord, NewEvent, ServiceRecord } from "../service.ts";
import { readyProcessor } from "../spec/processors.ts";
import type { Json, JsonObject } from "../spec/service-spec.ts";
import { keptOrders } from "./orders.ts";

/** What a command comes down to: the changes to commit together, none when all is as asked, and the answer. */
export interface Decision<R> {
  readonly changes: readonly Change[];
  readonly record: R;
  /** Of a command about the whole installation: what its audit entry says ahead of the single changes. */
  readonly summary?: string;
}

/** Time and fresh names, from outside; a command takes what it needs. */
export interface ChangeContext {
  /** Wall clock. */
  readonly nowMs: number;
  /** `eas-m-…`, for a service that is created. */
  readonly serviceId: string;
  /** For a service that is created without a `token`. */
  readonly serviceToken: string;
  /** For a group that appears. */
  readonly groupToken: string;
  /** Versions kept of a service, the one in force among them; 10 when not told. */
  readonly versionsKept?: number;
}

/** The record, whatever becomes of it. @throws ServingError SERVICE_NOT_FOUND */
export function findService(state: DesiredState, name: ServiceName): ServiceRecord {
  const record = state.services.get(name);
  if (record === undefined) throw new ServingError("SERVICE_NOT_FOUND", { service: name });
  return record;
}

/** The record of a service that is to stay. @throws ServingError SERVICE_NOT_FOUND, SERVICE_DELETING */
export function findLasting(state: DesiredState, name: ServiceName): ServiceRecord {
  const record = findService(state, name);
  if (record.desired === "deleted") throw new ServingError("SERVICE_DELETING", { service: name });
  return record;
}

/**
 * The record of a service that is to stay and that its safety lock lets be changed; `isDangerous`: the change takes something away.
 * @throws ServingError SERVICE_NOT_FOUND, SERVICE_DELETING, SAFETY_LOCKED
 */
export function findChangeable(state: DesiredState, name: ServiceName, isDangerous = false): ServiceRecord {
  const record = findLasting(state, name);
  refuseLocked(record, isDangerous);
  return record;
}

/** @throws ServingError SAFETY_LOCKED */
export function refuseLocked({ name, lock }: ServiceRecord, isDangerous: boolean): void {
  if (lock === "all" || (lock === "dangerous" && isDangerous))
    throw new ServingError("SAFETY_LOCKED", { service: name, lock });
}

/** @throws ServingError GROUP_NOT_FOUND */
export function findGroup(state: DesiredState, name: GroupName): GroupRecord {
  const group = state.groups.get(name);
  if (group === undefined) throw new ServingError("GROUP_NOT_FOUND", { group: name });
  return group;
}

/** The record after one accepted change: a generation further. */
export function advance(
  record: ServiceRecord,
  nowMs: number,
  change: Partial<Omit<ServiceRecord, "name" | "id" | "generation" | "updatedAtMs">>,
): ServiceRecord {
  return keptOrders({ ...record, ...change, generation: record.generation + 1, updatedAtMs: nowMs });
}

/** An event of a service itself, as a change. */
export function serviceEvent(
  service: ServiceName,
  atMs: number,
  reason: string,
  message: string,
): Change & { readonly kind: "add-event" } {
  const event: NewEvent = {
    service,
    atMs,
    type: "Normal",
    reason,
    resource: "Service",
    instance: null,
    message,
  };
  return { kind: "add-event", event };
}

/** INVALID_ARGUMENT with one problem. */
export function invalid(problem: Problem): ServingError<"INVALID_ARGUMENT"> {
  return new ServingError("INVALID_ARGUMENT", { problems: [problem] });
}

/** `metadata.instance` of a stored document; the spec parser has put it there. */
export function instanceCountOf(document: JsonObject): number {
  const count = metadataOf(document).instance;
  return typeof count === "number" ? count : 1;
}

/** The document with some keys of `metadata` replaced. */
export function withMetadata(document: JsonObject, keys: Readonly<Record<string, Json>>): JsonObject {
  return { ...document, metadata: { ...metadataOf(document), ...keys } };
}

/** `metadata` of a stored document. */
export function metadataOf(document: JsonObject): JsonObject {
  const metadata = document.metadata;
  const isObject = typeof metadata === "object" && metadata !== null && !Array.isArray(metadata);
  return isObject ? (metadata as JsonObject) : {};
}

/** The gateway takes nothing but gRPC calls for a service with this document: `metadata.enable_grpc`, and no ready-made processor, which speaks HTTP, too. */
export function speaksOnlyGrpc(document: JsonObject): boolean {
  const { processor } = document;
  const isReady = typeof processor === "string" && readyProcessor(processor) !== null;
  return metadataOf(document).enable_grpc === true && !isReady;
}
