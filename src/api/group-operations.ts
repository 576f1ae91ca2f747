import Type from "typebox";
import { answer, flag, notEffective, oneOf, paged, paging, query, text, textMap } from "./fields.ts";
import { endpointObject, groupObject } from "./objects.ts";
import type { OperationSchema } from "./operation.ts";

const opt = Type.Optional;
const done = answer({ Message: text("what was done") });
const none = query({});

/** eas-reference §8.2, Groups and Regions. */
export const GROUP_OPERATIONS = {
  ListGroups: {
    summary: "List groups",
    tag: "Groups",
    query: query({
      Filter: opt(text("part of the name")),
      TrafficMode: opt(oneOf(["auto", "customized"], "the mode")),
      Labels: opt(textMap("labels it must have, all of them")),
      Sort: opt(oneOf(["CreateTime", "UpdateTime", "Name"], "CreateTime unless told")),
      ...paging,
      ...notEffective("WorkspaceId"),
    }),
    body: null,
    response: answer({ ...paged, Groups: Type.Array(groupObject) }),
  },
  CreateGroup: {
    summary: "Create a group that stays when it has no members",
    tag: "Groups",
    query: none,
    body: Type.Object(
      {
        Name: text("name"),
        Labels: opt(textMap("labels")),
        Network: opt(Type.Unknown({ description: "not effective", "x-not-effective": true })),
        WorkSpaceId: opt(Type.Unknown({ description: "not effective", "x-not-effective": true })),
      },
      { additionalProperties: false },
    ),
    response: done,
  },
  DescribeGroup: {
    summary: "Describe a group",
    tag: "Groups",
    query: none,
    body: null,
    response: answer(groupObject.properties),
  },
  UpdateGroup: {
    summary: "Change how a group shares its traffic, or its labels",
    tag: "Groups",
    query: none,
    body: Type.Object(
      {
        TrafficMode: opt(oneOf(["auto", "customized"], "by ready instances, or by weights")),
        Labels: opt(textMap("labels, instead of the present ones")),
        Sticky: opt(
          text("extension: a client stays with its member, known by header:<name> or cookie:<name>; or off"),
        ),
        Network: opt(Type.Unknown({ description: "not effective", "x-not-effective": true })),
      },
      { additionalProperties: false },
    ),
    response: done,
  },
  DeleteGroup: {
    summary: "Delete a group",
    tag: "Groups",
    query: query({ CascadeDelete: opt(flag("delete its members too")) }),
    body: null,
    response: done,
  },
  DescribeGroupEndpoints: {
    summary: "List the addresses of a group",
    tag: "Groups",
    query: none,
    body: null,
    response: answer({
      Message: text("empty"),
      AccessToken: text("opens them"),
      Endpoints: Type.Array(endpointObject),
    }),
  },
  DescribeRegions: {
    summary: "Name the region of this installation, which is the ClusterId of all paths",
    tag: "Regions",
    query: none,
    body: null,
    response: answer({
      Regions: Type.Array(Type.Object({ RegionId: Type.String(), RegionName: Type.String() })),
    }),
  },
} as const satisfies Record<string, OperationSchema>;
