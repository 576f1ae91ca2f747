import Type, { type Static } from "typebox";
import { flag, oneOf, text, whole } from "./fields.ts";

// The shared objects of eas-reference §8.1, with the fields that mean something here. Fields that EAS does not
// have say "extension" in their description.

const stage = Type.Object({ Name: Type.String(), Milliseconds: Type.Integer({ minimum: 0 }) });

const label = Type.Object({ LabelKey: Type.String(), LabelValue: Type.String() });

export const serviceObject = Type.Object({
  ServiceName: text("unique here; part of the address"),
  ServiceId: text("eas-m-…"),
  ServiceUid: text("the same as ServiceId"),
  ServiceGroup: text("group, or empty"),
  Namespace: text("group if there is one, else the service's name"),
  Region: text("region of this installation"),
  Status: text(
    "Creating, Waiting, Running, Scaling, Updating, Starting, Stopping, Stopped, Failed or Deleting",
  ),
  Reason: text("one word on the status"),
  Message: text("the status for people"),
  Progress: Type.Array(Type.String(), {
    description: "extension: steps of long work, newest last; Describe only",
  }),
  Startup: Type.Array(stage, {
    description:
      "extension: how long its start took, stage by stage: files and packages of its version, then the slowest of its ready instances; Describe only",
  }),
  Generation: whole("extension: grows with every accepted change"),
  ObservedGeneration: whole("extension: the generation that Status speaks of; 0 before the first"),
  TotalInstance: whole("instances asked for"),
  RunningInstance: whole("instances that are ready"),
  PendingInstance: whole("instances asked for and not ready"),
  CurrentVersion: whole("version in force"),
  LatestVersion: whole("highest version ever given"),
  Weight: whole("percent of the group's traffic it gets now; 100 when it is in no group"),
  ConfiguredWeight: Type.Union([Type.Null(), Type.Integer()], {
    description: "extension: weight that was set by release; null when traffic follows instance counts",
  }),
  TrafficState: text("grouping, standalone or blue-green; empty when it is in no group"),
  Cpu: whole("cores of one instance, rounded up: EAS has whole ones here"),
  Cores: Type.Number({
    description: "extension: cores of one instance, as metadata.cpu says; may be a fraction",
  }),
  Memory: whole("MB of one instance"),
  Gpu: whole("GPUs of one instance"),
  GPUMemory: whole("metadata.gpu_memory: GB of one GPU, or 0"),
  GPUCorePercentage: whole("metadata.gpu_core_percentage, or 0"),
  Image: text("image of the first container, or empty"),
  Processor: text(
    "extension: code of the ready-made processor with the library that its instances run, e.g. `xgboost (xgboost 2.1.4)`; else empty",
  ),
  Labels: Type.Array(label),
  AccessToken: text("opens the service's address"),
  ServiceConfig: text("the service.json in force, as a JSON text"),
  SafetyLock: oneOf(["all", "dangerous", "none"], "what its safety lock refuses"),
  WorkspaceId: text("metadata.workspace_id, or empty"),
  QuotaId: text("metadata.quota_id, or empty"),
  Gateway: text(
    "networking.gateway or metadata.gateway of the service.json, or empty; all go through the one there is",
  ),
  Resource: text("metadata.resource, or empty; all run on this machine"),
  ResourceAlias: text("empty"),
  ResourceBurstable: flag("metadata.resource_burstable"),
  InstanceCountInResource: Type.Object(
    { Dedicated: Type.Integer(), Public: Type.Integer(), Quota: Type.Integer() },
    { description: "instances asked for, by where they run: this machine is a dedicated resource" },
  ),
  WorkloadType: text("metadata.workload_type, or empty"),
  Role: text("Standard"),
  RoleAttrs: text("empty: for services of other roles"),
  CallerUid: text("metadata.caller_uid, or empty"),
  ParentUid: text("empty: no service is part of another"),
  Source: text("empty"),
  ExtraData: text("empty"),
  AppConfig: text("empty: there are no app services"),
  AppSpecName: text("empty"),
  AppType: text("empty"),
  AppVersion: text("empty"),
  AutoscalerEnabled: flag("scaled by load"),
  CronscalerEnabled: flag("scaled by the clock"),
  CreateTime: text("RFC 3339, UTC"),
  UpdateTime: text("RFC 3339, UTC"),
  InternetEndpoint: Type.Optional(text("address; Describe only")),
  IntranetEndpoint: Type.Optional(text("address; Describe only")),
  SecondaryInternetEndpoint: Type.Optional(text("empty: it has one address; Describe only")),
  SecondaryIntranetEndpoint: Type.Optional(text("empty; Describe only")),
});
export type Service = Static<typeof serviceObject>;

export const instanceObject = Type.Object({
  InstanceName: text("service, version and slot"),
  Namespace: text("as in the service"),
  Status: oneOf(
    ["Pending", "Creating", "Running", "Failed", "Stopping", "Stopped"],
    "where it is in its life",
  ),
  Reason: text("why it is not running or not ready; empty when all is well"),
  Message: text("extension: the reason for people"),
  Version: whole("extension: version that it runs"),
  IsLatest: flag("runs the version in force"),
  ReadyProcesses: whole("1 when it answers requests"),
  TotalProcesses: whole("processes that have to be ready"),
  RestartCount: whole("starts after a crash"),
  InnerIP: text("address for direct calls"),
  HostIP: text("address of the machine"),
  HostName: text("name of the machine"),
  InstanceType: text("kind of node that it runs on, as DescribeMachineSpec has it; empty when not known"),
  Zone: text("empty"),
  ReplicaName: text("empty: an instance has one part"),
  ExternalIP: text("empty"),
  ExternalInstancePort: whole("0"),
  TenantHostIP: text("empty"),
  TenantInstanceIP: text("empty"),
  OriginalAmount: Type.Number({ description: "0: it costs nothing" }),
  CurrentAmount: Type.Number({ description: "0" }),
  InstancePort: whole("TCP port for direct calls; 0 while it has none"),
  Pid: Type.Union([Type.Null(), Type.Integer()], { description: "extension: process of the engine" }),
  CreateTime: text("RFC 3339, UTC; empty before its first start"),
  StartTime: text("RFC 3339, UTC; empty before its first start"),
  StartAt: text("old name of StartTime"),
  LastState: Type.Array(
    Type.Object({
      exitCode: Type.Union([Type.Null(), Type.Integer()], {
        description: "128 and the signal's number when a signal ended it; null when nobody saw it end",
      }),
      finishedAt: Type.String(),
      reason: Type.String({
        description: "Error, OOMKilled, Unhealthy, Completed, StartFailed or Lost",
      }),
      startedAt: Type.String(),
      message: Type.String({ description: "extension: first line of what went wrong" }),
      signal: Type.String({ description: "extension: the signal that ended it, or empty" }),
      lastLines: Type.Array(Type.String(), {
        description: "extension: what it printed last, oldest first; at most ten lines",
      }),
    }),
    { description: "how its last run ended; empty when none has" },
  ),
  Stages: Type.Array(stage, {
    description:
      "extension: how long its start took: start, import (if its worker tells), load, warm-up; empty until it is ready",
  }),
  WorkerMemory: whole("extension: resident bytes of its processor workers, to 2 %; 0 when not known"),
  MemoryGrowth: Type.Union(
    [
      Type.Null(),
      Type.Object({
        BytesPerThousandRequests: whole("what 1,000 requests leave behind"),
        SecondsToLimit: Type.Union([Type.Null(), Type.Integer()], {
          description: "when metadata.memory is reached at this rate; null: it is",
        }),
      }),
    ],
    { description: "extension: its memory grows with its requests; null: it does not, or not clearly" },
  ),
  ResourceType: oneOf(["PublicResource", "PrivateResource"], "this machine is a PrivateResource"),
  Role: text("Standard"),
  Detached: flag("fenced for debugging"),
  Isolated: flag("gets no traffic by order"),
  IsReplica: flag("part of a larger instance"),
  IsSpot: flag("on a preemptible machine"),
  Limits: Type.Union(
    [
      Type.Null(),
      Type.Object({
        Memory: oneOf(["cgroup1", "cgroup2", "rlimit"], "a control group, or a limit of each process"),
        Cpu: oneOf(["cgroup1", "cgroup2", "hint"], "a control group, or thread counts only"),
        Processes: oneOf(["cgroup1", "cgroup2", "none"], "a control group, or nothing"),
        Note: text("why something is not held by a control group; empty when all is"),
      }),
    ],
    {
      description:
        "extension: what holds it to metadata.cpu and metadata.memory; null before its first start",
    },
  ),
});
export type Instance = Static<typeof instanceObject>;

export const groupObject = Type.Object({
  Name: text("unique here, among services too"),
  ClusterId: text("region of this installation"),
  CallerUid: text("empty"),
  ParentUid: text("empty"),
  Network: Type.Object(
    {
      GatewayId: Type.String(),
      SecurityGroupId: Type.String(),
      VSwitchId: Type.String(),
      VpcId: Type.String(),
    },
    { description: "all empty: groups are on the network of this machine" },
  ),
  TrafficMode: oneOf(["auto", "customized"], "by ready instances, or by weights"),
  Labels: Type.Array(label),
  Sticky: text("extension: by what a client is known that stays with its member; off: by nothing"),
  AccessToken: text("opens the group and its members"),
  InternetEndpoint: text("address"),
  IntranetEndpoint: text("address"),
  QueueService: text("queue services of the group; empty"),
  CreateTime: text("RFC 3339, UTC"),
  UpdateTime: text("RFC 3339, UTC"),
});
export type Group = Static<typeof groupObject>;

export const eventObject = Type.Object({
  Type: oneOf(["Normal", "Warning"], "is it trouble"),
  Reason: text("one word"),
  Resource: oneOf(["Service", "Pod"], "Pod: it is about one instance"),
  InstanceName: Type.Optional(text("extension: the instance it is about")),
  Time: text("UTC, e.g. 2022-04-09 06:30:00"),
  Message: text("JSON text with `message`, and `instance` when it is about one"),
});
export type Event = Static<typeof eventObject>;

export const versionObject = Type.Object({
  Version: whole("extension: number to switch to"),
  ImageId: whole("the same number, as EAS calls it"),
  BuildTime: text("RFC 3339, UTC"),
  ImageAvailable: oneOf(["true", "false", "unknown"], "are its model and its processor's package there"),
  ServiceRunnable: oneOf(
    ["true", "false", "unknown"],
    "can it be run now; unknown: something of it has to be brought first",
  ),
  Message: text("what made it"),
  ServiceConfig: text("its service.json, as a JSON text"),
});
export type Version = Static<typeof versionObject>;

export const endpointObject = Type.Object({
  EndpointType: oneOf(["DefaultGateway"], "which gateway"),
  BackendId: text("default"),
  PathType: oneOf(["Service", "Group"], "whose address"),
  Port: whole("port of the gateway"),
  InternetEndpoints: Type.Array(Type.String()),
  IntranetEndpoints: Type.Array(Type.String()),
});
export type Endpoint = Static<typeof endpointObject>;

export const tokenObject = Type.Object({
  Number: whole("what it is revoked by; never given twice"),
  Token: text("opens the address, alone, behind `Bearer`, or as the key of an EAS signature"),
  IsNewest: flag("the AccessToken; it can be revoked once there is a newer one"),
  AddTime: text("RFC 3339, UTC"),
});
export type Token = Static<typeof tokenObject>;

/** Every refusal. The facts of its code stand beside these three, see docs/reference/errors.md. */
export const errorObject = Type.Object({
  Code: text("from the catalogue of codes"),
  Message: text("for people"),
  RequestId: text("UUID in upper case"),
  HostId: Type.Optional(
    text("host that was asked, as the request names it; not there when the request could not be read"),
  ),
});

/** The objects by the name they have in the OpenAPI document. */
export const OBJECTS = {
  Service: serviceObject,
  Instance: instanceObject,
  Group: groupObject,
  Event: eventObject,
  Version: versionObject,
  Endpoint: endpointObject,
  Token: tokenObject,
  Error: errorObject,
} as const;
