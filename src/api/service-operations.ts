import Type from "typebox";
import { answer, flag, notEffective, oneOf, paged, paging, query, text, textMap, whole } from "./fields.ts";
import { endpointObject, eventObject, instanceObject, serviceObject, versionObject } from "./objects.ts";
import type { OperationSchema } from "./operation.ts";

const opt = Type.Optional;
const message = { Message: text("what happens now") };
/** Answer of a command on one service: it was accepted; Describe tells how it goes on. */
const accepted = answer({ ...message, Generation: whole("extension: the change's generation") });
const created = {
  ...message,
  Generation: whole("extension: the change's generation"),
  ServiceName: text("name"),
  ServiceId: text("eas-m-…"),
  Region: text("region of this installation"),
  Status: text("Creating"),
  InternetEndpoint: text("address"),
  IntranetEndpoint: text("address"),
};
const updated = answer({
  ...accepted.properties,
  Plan: opt(
    Type.Object(
      {
        Change: oneOf(["nothing", "scale", "in-place", "new-version"], "the largest thing that it takes"),
        Version: whole("version in force afterwards"),
        Differences: Type.Array(
          Type.Object({
            Path: text("JSON path of the field"),
            From: Type.Union([Type.Null(), Type.String()], { description: "JSON text; null: not there" }),
            To: Type.Union([Type.Null(), Type.String()], { description: "JSON text; null: not there" }),
          }),
          { description: "fields that differ; secrets as ***" },
        ),
        Steps: Type.Array(Type.String(), { description: "what would happen to instances" }),
      },
      { description: "extension: only with Plan" },
    ),
  ),
});
const none = query({});

/** eas-reference §8.2, Services. */
export const SERVICE_OPERATIONS = {
  CreateService: {
    summary: "Create a service from a service.json",
    tag: "Services",
    query: query({
      Labels: opt(textMap("labels to add to those of the document")),
      WorkspaceId: opt(text("metadata.workspace_id, where the document has none")),
      Develop: opt(flag("true is refused: there is no development mode (DevelopService)")),
    }),
    body: "service-json",
    response: answer(created),
  },
  ListServices: {
    summary: "List services",
    tag: "Services",
    query: query({
      Filter: opt(text("part of the name")),
      ServiceName: opt(text("the name")),
      ServiceUid: opt(text("the id")),
      ServiceStatus: opt(text("the status")),
      ServiceType: opt(text("metadata.type; Standard when the document has none")),
      GroupName: opt(text("members of this group")),
      TrafficState: opt(oneOf(["grouping", "standalone", "blue-green"], "the traffic state")),
      Label: opt(textMap("labels it must have, all of them")),
      AutoscalerEnabled: opt(flag("scaled by load")),
      CronscalerEnabled: opt(flag("scaled by the clock")),
      WorkspaceId: opt(text("its WorkspaceId")),
      IncludeNoWorkspace: opt(flag("with WorkspaceId: also those that are in none")),
      QuotaId: opt(text("its QuotaId")),
      Gateway: opt(text("its Gateway, as its service.json names it")),
      ResourceId: opt(text("its Resource, as its service.json names it")),
      ResourceName: opt(text("the same: resources have no names here")),
      ResourceAliasName: opt(text("its ResourceAlias")),
      ResourceBurstable: opt(flag("its ResourceBurstable")),
      ResourceType: opt(text("DedicatedResource has all: they run on this machine; any other type has none")),
      Role: opt(text("its Role")),
      CallerUid: opt(text("its CallerUid")),
      ParentServiceUid: opt(text("its ParentUid")),
      Sort: opt(oneOf(["CreateTime", "UpdateTime", "ServiceName", "Status"], "CreateTime unless told")),
      ...paging,
      ...notEffective("Accessibility"),
    }),
    body: null,
    response: answer({ ...paged, Services: Type.Array(serviceObject) }),
  },
  DescribeService: {
    summary: "Describe a service",
    tag: "Services",
    query: none,
    body: null,
    response: answer(serviceObject.properties),
  },
  UpdateService: {
    summary: "Change a service by a part of a service.json, or replace it by a whole one",
    tag: "Services",
    query: query({
      UpdateType: opt(oneOf(["merge", "replace"], "merge unless told")),
      Plan: opt(flag("extension: nothing is changed; the answer's Plan says what would be")),
      ...notEffective("MemberToUpdate"),
    }),
    body: "service-json",
    response: updated,
  },
  DeleteService: {
    summary: "Delete a service: drain its instances, then forget it",
    tag: "Services",
    query: none,
    body: null,
    response: accepted,
  },
  CloneService: {
    summary:
      "Create a service from another one's service.json, changed by a part of one that has another name in it",
    tag: "Services",
    query: query({ Labels: opt(textMap("labels to add to those of the document")) }),
    body: "service-json",
    response: answer(created),
  },
  StartService: {
    summary: "Start a stopped service",
    tag: "Services",
    query: none,
    body: null,
    response: accepted,
  },
  StopService: {
    summary: "Stop a service; its address stays and answers 503",
    tag: "Services",
    query: none,
    body: null,
    response: accepted,
  },
  RestartService: {
    summary: "Replace every instance by a new one, make before break",
    tag: "Services",
    query: none,
    body: null,
    response: accepted,
  },
  ScaleService: {
    summary: "Set the number of instances, without a new version",
    tag: "Services",
    query: none,
    body: Type.Object(
      {
        Instance: whole("instances wanted", 0, 1000),
        InstancesToDelete: opt(
          Type.Array(Type.String(), { description: "the first to go when the number shrinks" }),
        ),
      },
      { additionalProperties: false },
    ),
    response: accepted,
  },
  ReleaseService: {
    summary: "Set a member's part in its group's traffic: either its state or its weight",
    tag: "Services",
    query: none,
    body: Type.Object(
      {
        TrafficState: opt(oneOf(["grouping", "standalone"], "takes part in the group's traffic, or not")),
        Weight: opt(
          whole(
            "percent 0–100 in a group of two, relative 0–1000 in any other; -1: by instance count again",
            -1,
            1000,
          ),
        ),
      },
      { additionalProperties: false },
    ),
    response: accepted,
  },
  ListServiceVersions: {
    summary: "List the versions of a service that can be switched to, newest first",
    tag: "Services",
    query: query({ PageNumber: paging.PageNumber, PageSize: paging.PageSize }),
    body: null,
    response: answer({ ...paged, Versions: Type.Array(versionObject) }),
  },
  UpdateServiceVersion: {
    summary: "Switch to an earlier version",
    tag: "Services",
    query: none,
    body: Type.Object({ Version: whole("version", 1) }, { additionalProperties: false }),
    response: accepted,
  },
  ListServiceInstances: {
    summary: "List the instances of a service",
    tag: "Services",
    query: query({
      Filter: opt(text("part of the name")),
      InstanceName: opt(text("the name")),
      InstanceStatus: opt(text("the status")),
      InstanceIP: opt(text("InnerIP")),
      HostIP: opt(text("HostIP")),
      InstanceType: opt(text("kind of node that it runs on")),
      ResourceType: opt(text("its ResourceType")),
      Role: opt(text("its Role")),
      IsSpot: opt(flag("its IsSpot")),
      ReplicaName: opt(text("its ReplicaName")),
      Resource: opt(text("Resource of its service")),
      QuotaId: opt(text("QuotaId of its service")),
      Sort: opt(oneOf(["InstanceName", "StartTime", "Status"], "InstanceName unless told")),
      ...paging,
      ...notEffective("ListReplica", "MemberType"),
    }),
    body: null,
    response: answer({ ...paged, Instances: Type.Array(instanceObject) }),
  },
  DeleteServiceInstances: {
    summary: "Drain instances and put new ones in their place, or start their processors again",
    tag: "Services",
    query: query({
      InstanceList: text("instance names, parted by commas"),
      SoftRestart: opt(
        flag("they keep their names: each processor starts again when its requests are over, one at a time"),
      ),
      Container: opt(text("with SoftRestart: worker, the only one there is (ListServiceContainers)")),
      ...notEffective("IsReplica"),
    }),
    body: null,
    response: accepted,
  },
  DescribeServiceLog: {
    summary:
      "Read the newest lines that instances wrote; with Follow, an unending text/plain stream of lines",
    tag: "Services",
    query: query({
      InstanceName: opt(text("one instance; else all, each line after `[instance] `")),
      Keyword: opt(text("only lines that contain it")),
      PageNum: opt(whole("1 is the page with the newest lines", 1, 1_000_000)),
      PageSize: opt(whole("lines of one page; 500 unless told", 1, 10_000)),
      Follow: opt(
        flag("extension: PageSize lines from the end, then new ones as they come, until the client leaves"),
      ),
      Ip: opt(text("only instances with this InnerIP")),
      ContainerName: opt(text("worker, the only one there is (ListServiceContainers)")),
      ...notEffective("EndTime", "Previous", "StartTime"),
    }),
    body: null,
    response: answer({
      Logs: Type.Array(Type.String()),
      PageNum: whole("page"),
      TotalCount: whole("lines in reach: the newest 10 000 of an instance, 50 000 of all"),
      TotalPageNum: whole("pages"),
    }),
  },
  DescribeServiceEvent: {
    summary: "List what happened to a service, newest first; the last 7 days unless told",
    tag: "Services",
    query: query({
      StartTime: opt(text("RFC 3339, or 2022-04-09 06:30:00 in UTC")),
      EndTime: opt(text("RFC 3339, or 2022-04-09 06:30:00 in UTC")),
      EventType: opt(oneOf(["Normal", "Warning"], "only these")),
      InstanceName: opt(text("only what is about this instance")),
      PageNum: opt(whole("page, from 1", 1, 1_000_000)),
      PageSize: opt(whole("100 unless told", 1, 1000)),
    }),
    body: null,
    response: answer({
      Events: Type.Array(eventObject),
      PageNum: whole("page"),
      TotalCount: whole("events of all pages"),
      TotalPageNum: whole("pages"),
    }),
  },
  DescribeServiceEndpoints: {
    summary: "List the addresses of a service, and of its group",
    tag: "Services",
    query: none,
    body: null,
    response: answer({
      Message: text("empty"),
      AccessToken: text("opens them"),
      Endpoints: Type.Array(endpointObject),
    }),
  },
} as const satisfies Record<string, OperationSchema>;
