import type { Verb } from "../verb.ts";
import { service, waitable, waiting } from "./parts.ts";

/** Verbs on whole services, in the order of `--help`. */
export const SERVICE_VERBS: readonly Verb[] = [
  {
    name: "create",
    args: [{ name: "<file>", text: "a service.json" }],
    summary: "create a service from a service.json, and wait until it runs",
    options: waiting,
    load: () => import("../verbs/create.ts"),
  },
  {
    name: "clone",
    args: [service, { name: "<name>", text: "name of the new service" }],
    summary: "create a service from another one's service.json, and wait until it runs",
    options: [
      {
        flags: "-D <path=value>",
        text: "what is otherwise in the new one, e.g. -Dmetadata.instance=1; may be repeated",
        isRepeatable: true,
      },
      { flags: "--label <key=value>", text: "a label of the new one; may be repeated", isRepeatable: true },
      ...waiting,
    ],
    load: () => import("../verbs/clone.ts"),
  },
  {
    name: "modify",
    args: [service],
    summary: "change a service: single fields with -D, or by a file with -s",
    options: [
      {
        flags: "-D <path=value>",
        text: "set one field, e.g. -Dmetadata.instance=2; a value that reads as JSON is JSON, so a text of digits needs its quotes: -Dtoken='\"123\"'; may be repeated",
        isRepeatable: true,
      },
      { flags: "-s, --service <file>", text: "a part of a service.json, merged into the present one" },
      { flags: "--replace", text: "the file is a whole service.json and replaces the present one" },
      { flags: "--plan", text: "only show what it would change, and how; nothing is changed" },
      ...waiting,
    ],
    load: () => import("../verbs/modify.ts"),
  },
  {
    name: "ls",
    aliases: ["list"],
    args: [],
    summary: "list services",
    options: [
      { flags: "--filter <text>", text: "part of the name" },
      { flags: "--group <group>", text: "members of this group" },
      { flags: "--status <status>", text: "in this status, e.g. Running" },
    ],
    load: () => import("../verbs/list.ts"),
  },
  {
    name: "desc",
    args: [service],
    summary: "describe a service",
    options: [],
    load: () => import("../verbs/desc.ts"),
  },
  {
    name: "start",
    args: [service],
    summary: "start a stopped service",
    options: waiting,
    load: () => import("../verbs/start.ts"),
  },
  {
    name: "stop",
    args: [service],
    summary: "stop a service; its address stays",
    options: waiting,
    load: () => import("../verbs/stop.ts"),
  },
  {
    name: "restart",
    args: [service],
    summary: "replace every instance by a new one, make before break",
    options: waiting,
    load: () => import("../verbs/restart.ts"),
  },
  {
    name: "scale",
    args: [service, { name: "<count>", text: "instances wanted" }],
    summary: "set the number of instances",
    options: [
      { flags: "--delete <instances>", text: "the first to go when the number shrinks, parted by commas" },
      ...waiting,
    ],
    load: () => import("../verbs/scale.ts"),
  },
  {
    name: "rollout",
    args: [
      service,
      {
        name: "[action]",
        text: "status (unless told), pause, resume, or off: nothing is held back any more",
      },
    ],
    summary: "show, hold back or pause how an update goes on",
    options: [
      {
        flags: "--partition <part>",
        text: "instances that stay at the version before: a number, or e.g. 50%",
      },
      { flags: "--batch <part>", text: "instances that are updated at a time: a number, or e.g. 10%" },
      { flags: "--interval <time>", text: "between batches, e.g. 5m; 0s unless told" },
      ...waitable,
    ],
    load: () => import("../verbs/rollout.ts"),
  },
  {
    name: "version",
    args: [service, { name: "<version>", text: "number of the version" }],
    summary: "switch to an earlier version",
    options: waiting,
    load: () => import("../verbs/version.ts"),
  },
  {
    name: "versions",
    args: [service],
    summary: "list the versions that can be switched to",
    options: [],
    load: () => import("../verbs/versions.ts"),
  },
  {
    name: "lock",
    args: [service, { name: "<lock>", text: "all, dangerous or none" }],
    summary: "refuse every change; or delete, stop, scale to 0 and dw; or nothing",
    options: [],
    load: () => import("../verbs/lock.ts"),
  },
  {
    name: "explain",
    args: [service, { name: "[instance]", text: "name of one instance" }],
    summary: "say in words why a service is in its present state, and what it waits for",
    options: [],
    load: () => import("../verbs/explain.ts"),
  },
  {
    name: "delete",
    args: [service],
    summary: "delete a service",
    options: waiting,
    load: () => import("../verbs/delete.ts"),
  },
];
