import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** The parts of the way from `modify` to the first request that the new version answered, in order. */
export const PHASES = [
  /** The API accepts it: checked, decided, durable. */
  "API",
  /** A reconcile run looks and plans; the instance's folder is made and its spec written. */
  "planning",
  /** Its process is launched, and says that it lives: the start of Node, or of what watches a command. */
  "process start",
  /** The worker starts and loads; or the command listens, and its port is probed. */
  "load and probe",
  /** The control process sees that it is ready, and has written that down. */
  "seen ready",
  /** The route table is published and in force, and a request happens to come to it and is answered. */
  "route and request",
] as const;
export type Phase = (typeof PHASES)[number];

/** Ends of the phases, wall clock in ms; the times of files are some ms early at most (they are of the kernel's tick). */
export type Marks = Readonly<Record<Phase, number>>;

/** Length of each phase in ms. They sum to the whole: one that ended before the one before it had no length of its own. */
export function phaseLengths(askedAtMs: number, marks: Marks): Record<Phase, number> {
  const lengths = {} as Record<Phase, number>;
  let atMs = askedAtMs;
  for (const phase of PHASES) {
    // The end of all is the end of each: marks come from different clocks' ticks.
    const endMs = Math.min(Math.max(atMs, marks[phase]), marks["route and request"]);
    lengths[phase] = Math.max(0, endMs - atMs);
    atMs = Math.max(atMs, endMs);
  }
  return lengths;
}

/**
 * Looks up the marks of an update in the run directory and the store of a home, by the instance of the new version that was ready first.
 * Null when none is there any more.
 */
export function marksOf(
  home: string,
  update: { readonly service: string; readonly version: number },
  known: { readonly askedAtMs: number; readonly acceptedAtMs: number; readonly answeredAtMs: number },
): Marks | null {
  const parent = join(home, "run", "instances");
  const prefix = `${update.service}-v${update.version}-`;
  const instances = readdirSync(parent)
    .filter((name) => name.startsWith(prefix))
    .flatMap((name) => {
      const marks = fileMarks(join(parent, name));
      return marks === null ? [] : [{ name, ...marks }];
    });
  const first = instances.toSorted((a, b) => a.readyMs - b.readyMs)[0];
  if (first === undefined) return null;
  return {
    API: known.acceptedAtMs,
    planning: first.specMs,
    "process start": first.processMs,
    "load and probe": first.readyMs,
    "seen ready": readyEventMs(home, first.name, known.askedAtMs) ?? first.readyMs,
    "route and request": known.answeredAtMs,
  };
}

/** When an instance's files were written; null when it is not ready, or gone. */
function fileMarks(folder: string): { specMs: number; processMs: number; readyMs: number } | null {
  try {
    const writtenMs = (name: string) => statSync(join(folder, name)).mtimeMs;
    const state = JSON.parse(readFileSync(join(folder, "state.json"), "utf8")) as { readonly phase: string };
    if (state.phase !== "ready") return null;
    return {
      specMs: writtenMs("spec.json"),
      processMs: writtenMs("process.json"),
      readyMs: writtenMs("state.json"),
    };
  } catch {
    return null;
  }
}

function readyEventMs(home: string, instance: string, sinceMs: number): number | null {
  const database = new DatabaseSync(join(home, "data", "sluice.db"), { readOnly: true });
  try {
    const sql =
      "SELECT min(at_ms) AS at FROM event WHERE instance = ? AND reason = 'InstanceReady' AND at_ms >= ?";
    return (database.prepare(sql).get(instance, Math.floor(sinceMs)) as { at: number | null }).at;
  } finally {
    database.close();
  }
}
