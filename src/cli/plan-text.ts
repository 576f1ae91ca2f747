import type { ResponseOf } from "../api/operations.ts";
import type { Session } from "./session.ts";

/** What an update would do, as UpdateService tells it with `Plan`. */
export type Plan = NonNullable<ResponseOf<"UpdateService">["Plan"]>;

/** The largest thing that a change takes, in words. */
export const CHANGES = {
  nothing: "nothing that is acted on differs",
  scale: "only the number of instances: no new version",
  "in-place": "in place: no new version, no instance is replaced",
  "new-version": "a new version: instances are replaced",
} as const satisfies Record<Plan["Change"], string>;

/** A plan for people: what kind of change, which fields, which steps. */
export function planText(session: Session, { Change, Version, Differences, Steps }: Plan): string {
  const steps = Steps.map((step) => `  - ${step}\n`).join("");
  return `Change: ${CHANGES[Change]} (version ${Version} afterwards)\n${fieldTable(session, Differences)}${steps}`;
}

/** The fields that differ; empty when none does. */
export function fieldTable(session: Session, differences: Plan["Differences"]): string {
  if (differences.length === 0) return "";
  return session.list<Plan["Differences"][number]>(
    [
      { header: "FIELD", cell: (d) => d.Path },
      { header: "FROM", cell: (d) => d.From ?? "" },
      { header: "TO", cell: (d) => d.To ?? "" },
    ],
    differences,
  );
}
