import type { Service } from "../api/objects.ts";
import type { Picture } from "../control/control-plane.ts";
import { originalOf } from "../core/access/mask.ts";
import type { ServiceName } from "../core/names.ts";
import type { InstanceStatus, ServiceRecord, ServiceStatus } from "../core/service.ts";
import type { Json, JsonObject, ServiceSpec } from "../core/spec/service-spec.ts";
import { specOf } from "../core/spec/spec-of.ts";
import { type StageTime, totalMs } from "../core/start-stages.ts";
import { stagesView } from "./instance-view.ts";
import { rfc3339 } from "./time.ts";

/** Where this installation is, for the fields that name it. */
export interface Place {
  readonly region: string;
  /** e.g. `http://127.0.0.1:8080` */
  readonly gatewayAddress: string;
}

/** What lists are filtered and sorted by, beside the record: cheap for every service of a long list. */
export type ServiceSummary = ReturnType<typeof serviceSummary>;

export function serviceSummary(record: ServiceRecord, picture: Picture) {
  return {
    ServiceName: record.name,
    Status: picture.statuses.get(record.name)?.phase ?? ("Creating" as const),
    TrafficState: record.group === null ? ("" as const) : record.trafficState,
    AutoscalerEnabled: false,
    CronscalerEnabled: false,
    ...belongings(record.document),
  };
}

interface Shown extends Place {
  readonly status: ServiceStatus | undefined;
  readonly weight: number;
  readonly view: Service;
}

/** What was last shown of each record: lists of a large installation show the same ones again and again. */
const shown = new WeakMap<ServiceRecord, Shown>();

/** Record and status as the Service of eas-reference §8.1, as lists show it. */
export function serviceView(record: ServiceRecord, picture: Picture, place: Place): Service {
  const [status, weight] = [picture.statuses.get(record.name), weightOf(record, picture)];
  const { region, gatewayAddress } = place; // each request brings it in an object of its own, with much that is not to be kept here
  const last = shown.get(record);
  const isSamePlace = last?.region === region && last.gatewayAddress === gatewayAddress;
  if (isSamePlace && last.status === status && last.weight === weight) return last.view;
  const view = makeView(record, picture, place);
  shown.set(record, { status, weight, region, gatewayAddress, view });
  return view;
}

function makeView(record: ServiceRecord, picture: Picture, place: Place): Service {
  const status = picture.statuses.get(record.name) ?? null;
  const spec = specIn(record);
  const metadata = objectIn(record.document, "metadata");
  const total = spec.instanceCount;
  const running =
    status?.instances.filter((i) => i.isReady && i.phase === "Running" && !i.isDetached).length ?? 0;
  return {
    ...serviceSummary(record, picture),
    ServiceId: record.id,
    ServiceUid: record.id,
    ServiceGroup: record.group ?? "",
    Namespace: record.group ?? record.name,
    Region: place.region,
    Reason: status?.reason ?? "",
    Message: status?.message ?? "Service is now creating",
    Progress: [],
    Startup: [],
    Generation: record.generation,
    ObservedGeneration: status?.observedGeneration ?? 0,
    TotalInstance: total,
    RunningInstance: running,
    PendingInstance: record.desired === "running" ? Math.max(0, total - running) : 0,
    CurrentVersion: record.version,
    LatestVersion: record.latestVersion,
    Weight: weightOf(record, picture),
    ConfiguredWeight: record.weight,
    Cpu: Math.ceil(spec.cpu),
    Cores: spec.cpu,
    Memory: spec.memoryMb,
    Gpu: numberIn(metadata, "gpu"),
    GPUMemory: numberIn(metadata, "gpu_memory"),
    GPUCorePercentage: numberIn(metadata, "gpu_core_percentage"),
    Image: imageOf(record.document),
    Processor: processorOf(spec, status?.instances ?? []),
    Labels: labelList(spec.labels),
    AccessToken: record.token,
    ServiceConfig: JSON.stringify(record.document),
    SafetyLock: record.lock ?? "none",
    InstanceCountInResource: { Dedicated: total, Public: 0, Quota: 0 },
    CreateTime: rfc3339(record.createdAtMs),
    UpdateTime: rfc3339(record.updatedAtMs),
  };
}

/** The same with what only Describe shows: progress and addresses. */
export function serviceDetail(record: ServiceRecord, picture: Picture, place: Place): Service {
  const address = serviceAddress(record, place);
  const status = picture.statuses.get(record.name);
  return {
    ...serviceView(record, picture, place),
    Progress: [...(status?.progress ?? [])],
    Startup: stagesView(status === undefined ? [] : startupOf(record, status)),
    InternetEndpoint: address,
    IntranetEndpoint: address,
    SecondaryInternetEndpoint: "",
    SecondaryIntranetEndpoint: "",
  };
}

/** What had to be brought for the version in force, and then the start of the instance that took longest: as long as the whole took, the first time. */
function startupOf({ version, epoch }: ServiceRecord, { prepared, instances }: ServiceStatus): StageTime[] {
  const isNow = (of: { readonly version: number; readonly epoch: number }) =>
    of.version === version && of.epoch === epoch;
  const starts = instances.filter(isNow).map((i) => i.stages ?? []);
  const slowest = starts.reduce((a, b) => (totalMs(b) > totalMs(a) ? b : a), []);
  return [...(prepared !== undefined && isNow(prepared) ? prepared.stages : []), ...slowest];
}

/** Its own address, also when it is a group's member: `/api/predict/{group}.{service}` (eas-reference §3.1). */
export function serviceAddress(record: Pick<ServiceRecord, "name" | "group">, place: Place): string {
  const ingress = record.group === null ? record.name : `${record.group}.${record.name}`;
  return `${place.gatewayAddress}/api/predict/${ingress}`;
}

/** Of a document that is masked for a viewer, what the original asks for. */
const specIn = (record: ServiceRecord) => specOf(originalOf(record.document));

/** `labels` of the document. */
export const labelsOf = (record: ServiceRecord) => specIn(record).labels;

/** `metadata.type` (eas-reference §1.2); a document without one is a Standard service. */
export function typeOf(record: ServiceRecord): string {
  const type = objectIn(record.document, "metadata").type;
  return typeof type === "string" ? type : "Standard";
}

export const labelList = (labels: Readonly<Record<string, string>>) =>
  Object.entries(labels).map(([LabelKey, LabelValue]) => ({ LabelKey, LabelValue }));

function weightOf(record: ServiceRecord, picture: Picture): number {
  if (record.group === null) return 100;
  return shareOf(picture, record.group, record.name);
}

function shareOf(picture: Picture, group: NonNullable<ServiceRecord["group"]>, name: ServiceName): number {
  return picture.shares.get(group)?.find((share) => share.name === name)?.percent ?? 0;
}

/** Where EAS says that a service belongs: as the document has it, which here moves nothing. */
function belongings(document: JsonObject) {
  const metadata = objectIn(document, "metadata");
  return {
    WorkspaceId: textIn(metadata, "workspace_id"),
    QuotaId: textIn(metadata, "quota_id"),
    Gateway: textIn(objectIn(document, "networking"), "gateway") || textIn(metadata, "gateway"),
    Resource: textIn(metadata, "resource"),
    ResourceAlias: "",
    ResourceBurstable: metadata.resource_burstable === true,
    WorkloadType: textIn(metadata, "workload_type"),
    Role: "Standard",
    RoleAttrs: "",
    CallerUid: textIn(metadata, "caller_uid"),
    ParentUid: "",
    Source: "",
    ExtraData: "",
    AppConfig: "",
    AppSpecName: "",
    AppType: "",
    AppVersion: "",
  };
}

/** A text, or a number as one: ids of EAS are written both ways. */
function textIn(object: JsonObject, key: string): string {
  const value = object[key];
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

function numberIn(object: JsonObject, key: string): number {
  const value = object[key];
  return typeof value === "number" ? value : 0;
}

/** Image of the first container, or empty. */
export function imageOf(document: JsonObject): string {
  const containers = document.containers;
  const first = Array.isArray(containers) ? (containers[0] as Json | undefined) : undefined;
  const image = isObject(first) ? first.image : undefined;
  return typeof image === "string" ? image : "";
}

/** The library is told by instances that have loaded it. During an update there may be two. */
function processorOf({ processor }: ServiceSpec, instances: readonly InstanceStatus[]): string {
  if (processor.kind !== "builtin") return "";
  const libraries = new Set(instances.flatMap(({ library }) => library ?? []));
  return libraries.size === 0 ? processor.code : `${processor.code} (${[...libraries].join(", ")})`;
}

function objectIn(document: JsonObject, key: string): JsonObject {
  const value = document[key];
  return isObject(value) ? value : {};
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
