import type { Verb, VerbOption } from "../verb.ts";
import { group, service, waitable } from "./parts.ts";

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

/** Verbs on who gets which requests: groups, mirrors, tokens, in the order of `--help`. */
export const TRAFFIC_VERBS: readonly Verb[] = [
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
      ...waitable,
    ],
    load: () => import("../verbs/release.ts"),
  },
  {
    name: "mirror create",
    args: [service],
    summary: "send copies of a service's requests to other services",
    options: [...mirrored, ...waitable],
    load: () => import("../verbs/mirror-create.ts"),
  },
  {
    name: "mirror update",
    args: [service],
    summary: "change a mirror; what is not named stays",
    options: [...mirrored, ...waitable],
    load: () => import("../verbs/mirror-update.ts"),
  },
  {
    name: "mirror desc",
    args: [service],
    summary: "describe a mirror and what became of its copies",
    options: [],
    load: () => import("../verbs/mirror-desc.ts"),
  },
  {
    name: "mirror diffs",
    args: [service],
    summary: "show the newest pairs of answers that differ, newest last",
    options: [],
    load: () => import("../verbs/mirror-diffs.ts"),
  },
  {
    name: "mirror delete",
    args: [service],
    summary: "end a mirror",
    options: waitable,
    load: () => import("../verbs/mirror-delete.ts"),
  },
  {
    name: "group ls",
    aliases: ["list"],
    args: [],
    summary: "list groups",
    options: [],
    load: () => import("../verbs/group-list.ts"),
  },
  {
    name: "group desc",
    args: [group],
    summary: "describe a group and its members",
    options: [],
    load: () => import("../verbs/group-desc.ts"),
  },
  {
    name: "group create",
    args: [group],
    summary: "create a group that stays when it has no members",
    options: [labels],
    load: () => import("../verbs/group-create.ts"),
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
    load: () => import("../verbs/group-update.ts"),
  },
  {
    name: "group delete",
    args: [group],
    summary: "delete a group",
    options: [{ flags: "--cascade", text: "delete its members too" }, ...waitable],
    load: () => import("../verbs/group-delete.ts"),
  },
  {
    name: "token ls",
    aliases: ["list"],
    args: [tokenOwner],
    summary: "list the tokens that open a service, newest first",
    options: [ofGroup],
    load: () => import("../verbs/token-list.ts"),
  },
  {
    name: "token add",
    args: [tokenOwner],
    summary: "make a new token; the ones before stay valid until they are revoked",
    options: [ofGroup],
    load: () => import("../verbs/token-add.ts"),
  },
  {
    name: "token revoke",
    args: [tokenOwner, { name: "<number>", text: "number of the token, from `token ls`" }],
    summary: "take back an older token",
    options: [ofGroup],
    load: () => import("../verbs/token-revoke.ts"),
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
    load: () => import("../verbs/predict.ts"),
  },
];
