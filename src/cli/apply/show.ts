import { fieldTable } from "../plan-text.ts";
import type { Session } from "../session.ts";
import { howText, type Step } from "./plan.ts";

const GREEN = 32;
const RED = 31;
const BOLD = 1;

/** `2 to create, 1 unchanged`; what there is none of is left out. */
export function countsText(steps: readonly Step[]): string {
  const count = (action: Step["action"]) => steps.filter((step) => step.action === action).length;
  const parts = [
    [count("create"), "to create"],
    [count("update"), "to update"],
    [count("delete"), "to delete"],
    [count("unchanged"), "unchanged"],
  ] as const;
  const some = parts.filter(([number]) => number > 0).map(([number, text]) => `${number} ${text}`);
  return some.length === 0 ? "nothing is described" : some.join(", ");
}

/** The plan: one line each, and below it what differs of each that is updated. */
export function planTable(session: Session, steps: readonly Step[]): string {
  const list = session.list<Step>(
    [
      { header: "KIND", cell: (s) => s.kind },
      { header: "NAME", cell: (s) => s.name },
      { header: "STATUS", cell: (s) => s.status },
      { header: "PLAN", cell: (s) => s.action },
      { header: "HOW", cell: howText },
      { header: "FILE", cell: (s) => s.document?.source ?? "" },
    ],
    steps,
  );
  const details = steps
    .filter((step) => step.action === "update")
    .map((step) => {
      const lines = (step.plan?.Steps ?? []).map((line) => `  - ${line}\n`).join("");
      return `${step.kind} ${step.name}:\n${fieldTable(session, step.differences)}${lines}`;
    });
  return `${list}${details.join("")}Plan: ${countsText(steps)}\n`;
}

/** Differences as diff(1) marks them: `-` is stored, `+` is in the file. Empty when nothing differs. */
export function diffText(session: Session, steps: readonly Step[]): string {
  return steps
    .filter((step) => step.action !== "unchanged")
    .map((step) => {
      const stored = step.action === "create" ? "not there" : "stored";
      const source = step.document?.source ?? "";
      const lines = step.differences.flatMap(({ Path, From, To }) => [
        ...(From === null ? [] : [session.coloured(`-${Path}: ${From}`, RED)]),
        ...(To === null ? [] : [session.coloured(`+${Path}: ${To}`, GREEN)]),
      ]);
      const head = [`--- ${step.kind} ${step.name}, ${stored}`, `+++ ${source}`];
      return `${[...head.map((line) => session.coloured(line, BOLD)), ...lines].join("\n")}\n`;
    })
    .join("");
}

/** One step in the words of the API, for `--output json`. */
export const stepView = (step: Step) => ({
  Kind: step.kind,
  Name: step.name,
  Action: step.action,
  Source: step.document?.source ?? null,
  Status: step.status,
  Change: step.plan?.Change ?? null,
  Version: step.plan?.Version ?? null,
  Differences: step.differences,
  Steps: step.plan?.Steps ?? [],
});
