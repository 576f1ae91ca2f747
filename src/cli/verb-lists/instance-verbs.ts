import type { Verb } from "../verb.ts";
import { service, waitable, waiting } from "./parts.ts";

const instance = { name: "<instance>", text: "name of the instance, from `w`" };

/** Verbs on the instances of a service, and what they wrote, in the order of `--help`. */
export const INSTANCE_VERBS: readonly Verb[] = [
  {
    name: "w",
    aliases: ["showworkers"],
    args: [service],
    summary: "list the instances of a service",
    options: [],
    load: () => import("../verbs/workers.ts"),
  },
  {
    name: "dw",
    aliases: ["deleteworkers"],
    args: [service, { name: "<instances>", text: "instance names, parted by commas" }],
    summary: "drain instances and put new ones in their place",
    options: waitable,
    load: () => import("../verbs/delete-workers.ts"),
  },
  {
    name: "containers",
    args: [service, instance],
    summary: "list what runs in an instance",
    options: [],
    load: () => import("../verbs/containers.ts"),
  },
  {
    name: "isolate",
    args: [service, instance],
    summary: "take an instance out of traffic; it runs on, and none takes its place",
    options: [{ flags: "--off", text: "it gets requests again" }, ...waitable],
    load: () => import("../verbs/isolate.ts"),
  },
  {
    name: "detach",
    args: [service, instance],
    summary: "replace an instance and keep it for inspection, without requests, until it is deleted",
    options: waitable,
    load: () => import("../verbs/detach.ts"),
  },
  {
    name: "softrestart",
    args: [service, { name: "<instances>", text: "instance names, parted by commas" }],
    summary: "start processors again under their instance names, one at a time of those that serve",
    options: waiting,
    load: () => import("../verbs/soft-restart.ts"),
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
    load: () => import("../verbs/logs.ts"),
  },
  {
    name: "events",
    args: [service],
    summary: "show what happened to a service in the last 7 days, newest last",
    options: [
      { flags: "--type <type>", text: "only these", choices: ["Normal", "Warning"] },
      { flags: "--instance <instance>", text: "about one instance only" },
    ],
    load: () => import("../verbs/events.ts"),
  },
];
