import type { Verb } from "./verb.ts";
import { ACCESS_VERBS } from "./verb-lists/access-verbs.ts";
import { APPLY_VERBS } from "./verb-lists/apply-verbs.ts";
import { CONFIG_VERBS } from "./verb-lists/config-verbs.ts";
import { INSTANCE_VERBS } from "./verb-lists/instance-verbs.ts";
import { LABEL_VERBS } from "./verb-lists/label-verbs.ts";
import { MACHINE_VERBS } from "./verb-lists/machine-verbs.ts";
import { SERVICE_VERBS } from "./verb-lists/service-verbs.ts";
import { TRAFFIC_VERBS } from "./verb-lists/traffic-verbs.ts";

/** Every verb that is a client of the API, in the order of `--help`. */
export const VERBS: readonly Verb[] = [
  ...SERVICE_VERBS,
  ...LABEL_VERBS,
  ...APPLY_VERBS,
  ...INSTANCE_VERBS,
  ...TRAFFIC_VERBS,
  ...ACCESS_VERBS,
  ...MACHINE_VERBS,
  ...CONFIG_VERBS,
];
