import type { Problem } from "../errors.ts";
import type { Checked } from "./check.ts";
import { cronFault } from "./cron.ts";
import { describeFound } from "./found.ts";
import { jsonPath, type Origins, type Steps } from "./json-path.ts";
import { PROBLEMS_MAX } from "./normalize.ts";
import { storageFaults } from "./rules-storage.ts";
import type { ServiceDocument } from "./schema.ts";

/** Notes that a value does not go with another one. */
export type Note = (steps: Steps, found: string, allowed: string) => void;

type Given = Partial<ServiceDocument>;

/**
 * What several fields ask for together, where this build acts on none of them, so that a file that is right here is right elsewhere
 * (eas-reference §1.2 to §1.9, §6.1, §6.2). What is acted on is looked at by build.ts.
 */
export function checkRules(checked: Checked, origins: Origins): Problem[] {
  const problems: Problem[] = [];
  if (checked.problems.length >= PROBLEMS_MAX) return problems;
  const note: Note = (steps, found, allowed) => {
    // What has a wrong type has its problem already.
    if (problems.length < PROBLEMS_MAX && !checked.refused.has(jsonPath(steps)))
      problems.push({ path: origins.spelled(steps), found, allowed });
  };
  const given = checked.document as unknown as Given;
  checkGpus(given, note);
  checkContainers(given, note);
  checkAutoscaler(given.autoscaler, note);
  checkCronscaler(given.cronscaler, note);
  checkSinker(given.sinker, note, checked);
  checkBalancers(given.networking?.nlb, note);
  storageFaults(given.storage ?? [], note, (steps) => checked.refused.has(jsonPath(steps)));
  return problems;
}

/** eas-reference §1.2: a share of a GPU, or whole ones. */
function checkGpus({ metadata, cloud }: Given, note: Note): void {
  if (metadata === undefined) return;
  const { gpu = 0, gpu_memory: memory = 0, gpu_core_percentage: percentage } = metadata;
  if (gpu > 0 && memory > 0) {
    note(["metadata", "gpu_memory"], "gpu and gpu_memory", "one of the two: whole GPUs, or a share of one");
  }
  if (percentage !== undefined && memory === 0) {
    note(["metadata", "gpu_core_percentage"], "no gpu_memory", "this only with gpu_memory above 0");
  }
  if (metadata.resource_burstable === true && (cloud?.computing?.instances ?? []).length === 0) {
    note(
      ["metadata", "resource_burstable"],
      "no cloud.computing.instances",
      "true only with machine types in cloud.computing.instances",
    );
  }
}

/** eas-reference §1.4. For a service without a processor build-command.ts says the same, and more. */
function checkContainers(given: Given, note: Note): void {
  if (given.processor === undefined && given.processor_type === undefined) return;
  for (const [i, { script, command }] of (given.containers ?? []).entries()) {
    if (script !== undefined && command !== undefined)
      note(["containers", i, "command"], "command and script", "one of the two: they exclude each other");
  }
}

function checkAutoscaler(given: Given["autoscaler"], note: Note): void {
  if (given === undefined) return;
  const { min, max, strategies, scaleStrategies } = given;
  if (min !== undefined && max !== undefined && max <= min) {
    note(["autoscaler", "max"], `${max}`, `a whole number above min, which is ${min}`);
  }
  if (strategies !== undefined && scaleStrategies !== undefined) {
    note(
      ["autoscaler", "scaleStrategies"],
      "strategies and scaleStrategies",
      "one of the two: they are two forms of the same",
    );
  }
}

function checkCronscaler(given: Given["cronscaler"], note: Note): void {
  const check = (steps: Steps, text: string | undefined) => {
    if (text === undefined) return;
    const fault = cronFault(text);
    if (fault !== null) note(steps, describeFound(text, { type: "string" }), fault);
  };
  for (const [i, date] of (given?.excludeDates ?? []).entries()) {
    check(["cronscaler", "excludeDates", i], date);
  }
  for (const [i, job] of (given?.scaleJobs ?? []).entries()) {
    check(["cronscaler", "scaleJobs", i, "schedule"], job.schedule);
  }
}

/** eas-reference §1.9: the block of the type, whole, and no other. */
function checkSinker(given: Given["sinker"], note: Note, { refused }: Checked): void {
  if (given?.type === undefined) return;
  const type = given.type.toLowerCase() === "sls" ? "sls" : "maxcompute";
  const other = type === "sls" ? "maxcompute" : "sls";
  const needed = type === "sls" ? (["project", "logstore"] as const) : (["project", "table"] as const);
  if (given.config?.[other] !== undefined) {
    note(["sinker", "config", other], `beside the type "${given.type}"`, `config.${type} and no other`);
  }
  const place = (given.config?.[type] ?? {}) as Readonly<Record<string, string | undefined>>;
  for (const name of needed) {
    const steps: Steps = ["sinker", "config", type, name];
    if (place[name] === undefined && !refused.has(jsonPath(steps.slice(0, -1))))
      note(steps, "nothing", `a string: the type "${given.type}" needs it`);
  }
}

/** eas-reference §1.6: the system's balancer and ones of one's own exclude each other. */
function checkBalancers(nlb: NonNullable<Given["networking"]>["nlb"] = [], note: Note): void {
  const own = nlb.findIndex(({ id }) => id !== "default");
  if (own >= 0 && nlb.some(({ id }) => id === "default")) {
    note(["networking", "nlb", own, "id"], '"default" and one of your own', "one kind of the two");
  }
}
