import type { Verb } from "../verb.ts";

const profile = { name: "<profile>", text: "name of the profile" };

/** Verbs on the client's own file, its shell and its machine, in the order of `--help`. */
export const CONFIG_VERBS: readonly Verb[] = [
  {
    name: "config",
    args: [],
    summary:
      "write the client's file from -e (address), -k (key) and -i; several installations are its profiles",
    options: [],
    load: () => import("../verbs/config.ts"),
  },
  {
    name: "config add",
    args: [profile],
    summary: "add another installation from -e (address), -k (key) and -i",
    options: [],
    load: () => import("../verbs/config-add.ts"),
  },
  {
    name: "config use",
    args: [profile],
    summary: "speak to this installation from now on",
    options: [],
    load: () => import("../verbs/config-use.ts"),
  },
  {
    name: "config ls",
    aliases: ["list"],
    args: [],
    summary: "list the installations that the client's file knows",
    options: [],
    load: () => import("../verbs/config-list.ts"),
  },
  {
    name: "config show",
    args: [{ name: "[profile]", text: "name of the profile; the one in use unless told" }],
    summary: "show where the client speaks to; the key is masked",
    options: [],
    load: () => import("../verbs/config-show.ts"),
  },
  {
    name: "config rm",
    args: [profile],
    summary: "forget an installation and its key",
    options: [],
    load: () => import("../verbs/config-remove.ts"),
  },
  {
    name: "completion",
    args: [{ name: "<shell>", text: "bash, zsh or fish" }],
    summary: "print the script that completes verbs, options, and names from the API in a shell",
    options: [],
    load: () => import("../verbs/completion.ts"),
  },
  {
    name: "doctor",
    args: [],
    summary: "check this machine and what the client speaks to, and say how to mend what is wrong",
    options: [
      { flags: "--registries", text: "also whether package registries and model hubs can be reached" },
    ],
    load: () => import("../verbs/doctor.ts"),
  },
];
