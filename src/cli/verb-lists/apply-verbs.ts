import type { Verb, VerbOption } from "../verb.ts";
import { waiting } from "./parts.ts";

const files: VerbOption = {
  flags: "-f, --file <path>",
  text: "a file with JSON documents, a folder of such files, or - for standard input; may be repeated",
  isRepeatable: true,
};

/** Verbs on whole folders of documents, in the order of `--help`. */
export const APPLY_VERBS: readonly Verb[] = [
  {
    name: "apply",
    args: [],
    summary: "make services and groups be as documents describe them: shows a plan, asks, carries it out",
    options: [
      files,
      { flags: "--plan", text: "only show what would be done: exit code 3 when there is something, else 0" },
      { flags: "--dry-run", text: "the same as --plan" },
      { flags: "--set <name>", text: "label all of it sluice.apply/set=<name>" },
      {
        flags: "-l, --selector <key=value>",
        text: "only what carries this label, of the documents and for --prune; may be repeated",
        isRepeatable: true,
      },
      {
        flags: "--prune",
        text: "delete what carries the label of --set or -l and no document describes any more",
      },
      { flags: "--parallel <n>", text: "services worked on at once; 4 unless told" },
      { flags: "--stop-on-error", text: "begin nothing more after the first failure" },
      ...waiting,
    ],
    load: () => import("../verbs/apply.ts"),
  },
  {
    name: "diff",
    args: [
      { name: "[service]", text: "name of one service" },
      { name: "[file]", text: "the file that describes it" },
    ],
    summary: "show where documents and what is stored differ; exit code 0: nowhere, 1: somewhere, 2: trouble",
    options: [files],
    load: () => import("../verbs/diff.ts"),
    failureCode: 2,
  },
];
