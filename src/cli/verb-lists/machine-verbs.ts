import type { Verb } from "../verb.ts";
import { waiting } from "./parts.ts";

/** Verbs on the installation and what is kept on its machine, in the order of `--help`. */
export const MACHINE_VERBS: readonly Verb[] = [
  {
    name: "instances",
    args: [],
    summary: "list the kinds of node that instances run on, and what is free of them",
    options: [],
    load: () => import("../verbs/instances.ts"),
  },
  {
    name: "processor new",
    args: [
      { name: "<language>", text: "python, java, cpp or node" },
      { name: "<dir>", text: "a folder that is new or empty; the service is called after it" },
    ],
    summary: "write a processor of your own to begin with: code, a test of it, a service.json",
    options: [],
    load: () => import("../verbs/processor-new.ts"),
  },
  {
    name: "top",
    args: [{ name: "[service]", text: "only this service" }],
    summary: "show each second what services and instances do, until Ctrl-C",
    options: [{ flags: "--seconds <n>", text: "end after so many seconds" }],
    load: () => import("../verbs/top.ts"),
  },
  {
    name: "gateways ls",
    aliases: ["list"],
    args: [],
    summary: "list the gateway workers, the route table each serves by, and a table that one refused",
    options: [],
    load: () => import("../verbs/gateways-list.ts"),
  },
  {
    name: "gateways restart",
    args: [],
    summary: "replace every gateway worker by a new process, one after the other, make before break",
    options: waiting,
    load: () => import("../verbs/gateways-restart.ts"),
  },
  {
    name: "cache ls",
    aliases: ["list"],
    args: [],
    summary: "list what the model cache holds, the newest used first, and which versions refer to it",
    options: [],
    load: () => import("../verbs/cache-list.ts"),
  },
  {
    name: "cache rm",
    args: [{ name: "<content>", text: "from `cache ls`; the first characters do when they name only one" }],
    summary: "remove a content that nobody uses from the model cache",
    options: [],
    load: () => import("../verbs/cache-remove.ts"),
  },
  {
    name: "env ls",
    aliases: ["list"],
    args: [],
    summary: "list the Python environments, the newest used first, and which versions refer to them",
    options: [],
    load: () => import("../verbs/env-list.ts"),
  },
  {
    name: "env build",
    args: [{ name: "<file>", text: "a requirements.txt, or a service.json that asks for packages" }],
    summary: "make a Python environment before a service asks for it",
    options: waiting,
    load: () => import("../verbs/env-build.ts"),
  },
  {
    name: "env rm",
    args: [{ name: "<environment>", text: "from `env ls`; the first characters do when they name only one" }],
    summary: "remove a Python environment that nobody uses, or end its making",
    options: [],
    load: () => import("../verbs/env-remove.ts"),
  },
  {
    name: "backup",
    args: [{ name: "<file>", text: "a new file, e.g. sluice-2026-11-22.gz" }],
    summary: "write all that is wanted to one file: services with versions and tokens, groups",
    options: [],
    load: () => import("../verbs/backup.ts"),
  },
  {
    name: "restore",
    args: [{ name: "<file>", text: "from `sluice backup`" }],
    summary: "bring services and groups back to a backup, after showing what would change; traffic goes on",
    options: [{ flags: "--plan", text: "only show what it would change; nothing is changed" }],
    load: () => import("../verbs/restore.ts"),
  },
];
