import type { Verb } from "../verb.ts";

const key = { name: "<key>", text: "id of the access key, from `key ls`" };

/** Verbs on access keys, and on who changed what, in the order of `--help`. */
export const ACCESS_VERBS: readonly Verb[] = [
  {
    name: "key create",
    args: [],
    summary: "make an access key for a person or a program; its secret is shown this once",
    options: [
      { flags: "--role <role>", text: "what it may do", choices: ["viewer", "operator", "admin"] },
      { flags: "--note <text>", text: "whose it is" },
      { flags: "--group <group>", text: "only services in this group; may be repeated", isRepeatable: true },
      {
        flags: "--workspace <id>",
        text: "only services of this metadata.workspace_id; may be repeated",
        isRepeatable: true,
      },
      { flags: "--expires <time>", text: "it opens for so long, e.g. 30d; for ever unless told" },
    ],
    load: () => import("../verbs/key-create.ts"),
  },
  {
    name: "key ls",
    aliases: ["list"],
    args: [],
    summary: "list the access keys, without their secrets",
    options: [],
    load: () => import("../verbs/key-list.ts"),
  },
  {
    name: "key rotate",
    args: [{ name: "[key]", text: "id of the access key; the one of the client's file unless told" }],
    summary: "give an access key a new secret; a client's file that has the key gets it",
    options: [
      { flags: "--grace <time>", text: "the old secret opens for so long, e.g. 1h or 0; 1d unless told" },
    ],
    load: () => import("../verbs/key-rotate.ts"),
  },
  {
    name: "key revoke",
    args: [key],
    summary: "take an access key back, at once",
    options: [],
    load: () => import("../verbs/key-revoke.ts"),
  },
  {
    name: "audit",
    args: [],
    summary: "show who changed what, newest first",
    options: [
      { flags: "--by <key>", text: "only with this access key" },
      { flags: "--target <target>", text: "only about this, e.g. service/a, group/g or key/k" },
      { flags: "--operation <name>", text: "only this operation, e.g. ScaleService" },
      { flags: "--refused", text: "only what a key was not allowed" },
      { flags: "--since <time>", text: "only so far back, e.g. 12h" },
      { flags: "-n, --lines <n>", text: "at most so many, to 1000; 100 unless told" },
    ],
    load: () => import("../verbs/audit.ts"),
  },
];
