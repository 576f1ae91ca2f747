import type { Verb } from "../verb.ts";
import { service } from "./parts.ts";

/** Labels of services. */
export const LABEL_VERBS: readonly Verb[] = [
  {
    name: "label set",
    args: [service],
    summary: "set labels of a service; those not named stay",
    options: [{ flags: "--label <key=value>", text: "a label; may be repeated", isRepeatable: true }],
    load: () => import("../verbs/label-set.ts"),
  },
  {
    name: "label rm",
    args: [service, { name: "<names>", text: "names of labels, parted by commas" }],
    summary: "remove labels of a service",
    options: [],
    load: () => import("../verbs/label-remove.ts"),
  },
];
