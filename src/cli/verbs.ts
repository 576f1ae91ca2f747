import type { Verb, VerbOption } from "./verb.ts";

const service = { name: "<service>", text: "name of the service, or region/name" };
const instance = { name: "<instance>", text: "name of the instance, from `w`" };
const group = { name: "<group>", text: "name of the group" };
const waiting: readonly VerbOption[] = [
  { flags: "--no-wait", text: "return as soon as it was accepted" },
  { flags: "--timeout <seconds>", text: "give up waiting after so long; 600 unless told" },
];
const labels: VerbOption = {
  flags: "--label <key=value>",
  text: "a label; may be repeated",
  isRepeatable: true,
};

const tokenOwner = { name: "<name>", text: "name of the service; of a group with --group" };
const ofGroup: VerbOption = { flags: "--group", text: "the name is a group's" };
const mirrored: readonly VerbOption[] = [
  { flags: "--target <services>", text: "services that get the copies, parted by commas" },
  { flags: "--ratio <percent>", text: "percent of the requests that are copied, 0-100" },
  {
    flags: "--compare <mode>",
    text: "compare the answers: status codes; also bodies, byte by byte; also bodies, as JSON; or not at all",
    choices: ["status", "exact", "json", "off"],
  },
  { flags: "--tolerance <part>", text: "json: numbers may differ by this part, e.g. 0.001" },
  {
    flags: "--ignore <path>",
    text: "json: a path that is not looked at, e.g. '$.time'; may be repeated",
    isRepeatable: true,
  },
  {
    flags: "--samples <n>",
    text: "newest differing pairs to keep for mirror diffs, 0-20; they hold users' data, so 0 unless told",
  },
];

/** Every verb that is a client of the API, in the order of `--help`. */
export const VERBS: readonly Verb[] = [
  {
    name: "create",
    args: [{ name: "<file>", text: "a service.json" }],
    summary: "create a service from a service.json, and wait until it runs",
    options: waiting,
    load: () => import("./verbs/create.ts"),
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
    load: () => import("./verbs/modify.ts"),
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
    load: () => import("./verbs/list.ts"),
  },
  {
    name: "desc",
    args: [service],
    summary: "describe a service",
    options: [],
    load: () => import("./verbs/desc.ts"),
  },
  {
    name: "w",
    aliases: ["showworkers"],
    args: [service],
    summary: "list the instances of a service",
    options: [],
    load: () => import("./verbs/workers.ts"),
  },
  {
    name: "dw",
    aliases: ["deleteworkers"],
    args: [service, { name: "<instances>", text: "instance names, parted by commas" }],
    summary: "drain instances and put new ones in their place",
    options: [],
    load: () => import("./verbs/delete-workers.ts"),
  },
  {
    name: "isolate",
    args: [service, instance],
    summary: "take an instance out of traffic; it runs on, and none takes its place",
    options: [{ flags: "--off", text: "it gets requests again" }],
    load: () => import("./verbs/isolate.ts"),
  },
  {
    name: "detach",
    args: [service, instance],
    summary: "replace an instance and keep it for inspection, without requests, until it is deleted",
    options: [],
    load: () => import("./verbs/detach.ts"),
  },
  {
    name: "softrestart",
    args: [service, { name: "<instances>", text: "instance names, parted by commas" }],
    summary: "start processors again under their instance names, one at a time of those that serve",
    options: waiting,
    load: () => import("./verbs/soft-restart.ts"),
  },
  {
    name: "lock",
    args: [service, { name: "<lock>", text: "all, dangerous or none" }],
    summary: "refuse every change; or delete, stop, scale to 0 and dw; or nothing",
    options: [],
    load: () => import("./verbs/lock.ts"),
  },
  {
    name: "explain",
    args: [service, { name: "[instance]", text: "name of one instance" }],
    summary: "say in words why a service is in its present state, and what it waits for",
    options: [],
    load: () => import("./verbs/explain.ts"),
  },
  {
    name: "release",
    args: [service],
    summary: "set a member's part in its group's traffic",
    options: [
      {
        flags: "-s, --state <state>",
        text: "takes part by its instance count, or not at all",
        choices: ["grouping", "standalone"],
      },
      {
        flags: "-w, --weight <n>",
        text: "percent 0-100 in a group of two, relative weight 0-1000 in any other; -1 is by instance count again",
      },
    ],
    load: () => import("./verbs/release.ts"),
  },
  {
    name: "mirror create",
    args: [service],
    summary: "send copies of a service's requests to other services",
    options: mirrored,
    load: () => import("./verbs/mirror-create.ts"),
  },
  {
    name: "mirror update",
    args: [service],
    summary: "change a mirror; what is not named stays",
    options: mirrored,
    load: () => import("./verbs/mirror-update.ts"),
  },
  {
    name: "mirror desc",
    args: [service],
    summary: "describe a mirror and what became of its copies",
    options: [],
    load: () => import("./verbs/mirror-desc.ts"),
  },
  {
    name: "mirror diffs",
    args: [service],
    summary: "show the newest pairs of answers that differ, newest last",
    options: [],
    load: () => import("./verbs/mirror-diffs.ts"),
  },
  {
    name: "mirror delete",
    args: [service],
    summary: "end a mirror",
    options: [],
    load: () => import("./verbs/mirror-delete.ts"),
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
    ],
    load: () => import("./verbs/rollout.ts"),
  },
  {
    name: "version",
    args: [service, { name: "<version>", text: "number of the version" }],
    summary: "switch to an earlier version",
    options: waiting,
    load: () => import("./verbs/version.ts"),
  },
  {
    name: "versions",
    args: [service],
    summary: "list the versions that can be switched to",
    options: [],
    load: () => import("./verbs/versions.ts"),
  },
  {
    name: "start",
    args: [service],
    summary: "start a stopped service",
    options: waiting,
    load: () => import("./verbs/start.ts"),
  },
  {
    name: "stop",
    args: [service],
    summary: "stop a service; its address stays",
    options: waiting,
    load: () => import("./verbs/stop.ts"),
  },
  {
    name: "restart",
    args: [service],
    summary: "replace every instance by a new one, make before break",
    options: waiting,
    load: () => import("./verbs/restart.ts"),
  },
  {
    name: "scale",
    args: [service, { name: "<count>", text: "instances wanted" }],
    summary: "set the number of instances",
    options: [
      { flags: "--delete <instances>", text: "the first to go when the number shrinks, parted by commas" },
      ...waiting,
    ],
    load: () => import("./verbs/scale.ts"),
  },
  {
    name: "delete",
    args: [service],
    summary: "delete a service",
    options: waiting,
    load: () => import("./verbs/delete.ts"),
  },
  {
    name: "logs",
    args: [service],
    summary: "show what instances wrote",
    options: [
      { flags: "-f, --follow", text: "go on with new lines until Ctrl-C" },
      { flags: "--instance <instance>", text: "one instance only" },
      { flags: "-n, --lines <n>", text: "lines from the end; 500 unless told" },
      { flags: "--keyword <text>", text: "only lines that contain it" },
    ],
    load: () => import("./verbs/logs.ts"),
  },
  {
    name: "events",
    args: [service],
    summary: "show what happened to a service in the last 7 days, newest last",
    options: [
      { flags: "--type <type>", text: "only these", choices: ["Normal", "Warning"] },
      { flags: "--instance <instance>", text: "about one instance only" },
    ],
    load: () => import("./verbs/events.ts"),
  },
  {
    name: "group ls",
    aliases: ["list"],
    args: [],
    summary: "list groups",
    options: [],
    load: () => import("./verbs/group-list.ts"),
  },
  {
    name: "group desc",
    args: [group],
    summary: "describe a group and its members",
    options: [],
    load: () => import("./verbs/group-desc.ts"),
  },
  {
    name: "group create",
    args: [group],
    summary: "create a group that stays when it has no members",
    options: [labels],
    load: () => import("./verbs/group-create.ts"),
  },
  {
    name: "group update",
    args: [group],
    summary: "change how a group shares its traffic, or its labels",
    options: [
      { flags: "--mode <mode>", text: "by instance counts, or by weights", choices: ["auto", "customized"] },
      {
        flags: "--sticky <by>",
        text: "a client stays with its member: header:<name>, cookie:<name>, or off",
      },
      labels,
    ],
    load: () => import("./verbs/group-update.ts"),
  },
  {
    name: "group delete",
    args: [group],
    summary: "delete a group",
    options: [{ flags: "--cascade", text: "delete its members too" }],
    load: () => import("./verbs/group-delete.ts"),
  },
  {
    name: "token ls",
    aliases: ["list"],
    args: [tokenOwner],
    summary: "list the tokens that open a service, newest first",
    options: [ofGroup],
    load: () => import("./verbs/token-list.ts"),
  },
  {
    name: "token add",
    args: [tokenOwner],
    summary: "make a new token; the ones before stay valid until they are revoked",
    options: [ofGroup],
    load: () => import("./verbs/token-add.ts"),
  },
  {
    name: "token revoke",
    args: [tokenOwner, { name: "<number>", text: "number of the token, from `token ls`" }],
    summary: "take back an older token",
    options: [ofGroup],
    load: () => import("./verbs/token-revoke.ts"),
  },
  {
    name: "predict",
    args: [{ name: "<name>", text: "a service, a group, or group.service" }],
    summary: "send one request through the gateway and print the answer's body",
    options: [
      {
        flags: "-d, --data <data>",
        text: "body of a POST; @file reads a file, @- standard input; without it a GET",
      },
      { flags: "--group", text: "the name is a group's" },
      { flags: "--path <rest>", text: "goes on after the name in the URL" },
      { flags: "-H, --header <name:value>", text: "a header; may be repeated", isRepeatable: true },
    ],
    load: () => import("./verbs/predict.ts"),
  },
  {
    name: "top",
    args: [{ name: "[service]", text: "only this service" }],
    summary: "show each second what services and instances do, until Ctrl-C",
    options: [{ flags: "--seconds <n>", text: "end after so many seconds" }],
    load: () => import("./verbs/top.ts"),
  },
  {
    name: "gateways ls",
    aliases: ["list"],
    args: [],
    summary: "list the gateway workers, the route table each serves by, and a table that one refused",
    options: [],
    load: () => import("./verbs/gateways-list.ts"),
  },
  {
    name: "gateways restart",
    args: [],
    summary: "replace every gateway worker by a new process, one after the other, make before break",
    options: waiting,
    load: () => import("./verbs/gateways-restart.ts"),
  },
  {
    name: "cache ls",
    aliases: ["list"],
    args: [],
    summary: "list what the model cache holds, the newest used first, and which versions refer to it",
    options: [],
    load: () => import("./verbs/cache-list.ts"),
  },
  {
    name: "cache rm",
    args: [{ name: "<content>", text: "from `cache ls`; the first characters do when they name only one" }],
    summary: "remove a content that nobody uses from the model cache",
    options: [],
    load: () => import("./verbs/cache-remove.ts"),
  },
  {
    name: "config",
    args: [],
    summary: "write the client's file from -e (address), -k (key) and -i",
    options: [{ flags: "-i, --key-id <id>", text: "id of the access key" }],
    load: () => import("./verbs/config.ts"),
  },
];
