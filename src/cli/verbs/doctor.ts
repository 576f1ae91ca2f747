import { EXIT } from "../cli-io.ts";
import { examine } from "../doctor/doctor.ts";
import type { Finding } from "../doctor/finding.ts";
import { type Machine, REAL_MACHINE } from "../doctor/machine.ts";
import type { Session } from "../session.ts";
import type { VerbOptions, VerbRun } from "../verb.ts";

const TAGS = { ok: ["OK", 32], warning: ["WARNING", 33], error: ["ERROR", 31] } as const;
/** The longest tag, with its brackets. */
const TAG_CHARS = 9;
const NAME_CHARS = 12;

/** `doctor`: exit code 1 when something keeps Sluice, or this client, from working; warnings are no failure. */
export const run: VerbRun = (session, _, options) => runOn(REAL_MACHINE, session, options);

/** The same on any machine. */
export async function runOn(machine: Machine, session: Session, options: VerbOptions) {
  const findings = await examine(session, machine, { asksRegistries: options.registries === true });
  const count = (level: Finding["level"]) => findings.filter((f) => f.level === level).length;
  const [errors, warnings] = [count("error"), count("warning")];
  const checks = findings.map((f) => ({ Name: f.name, Level: f.level, Text: f.text, Fixes: f.fixes }));
  session.tell({ Errors: errors, Warnings: warnings, Checks: checks }, () => {
    const lines = findings.flatMap((finding) => linesOf(session, finding));
    return `${[...lines, `${errors} errors, ${warnings} warnings, ${count("ok")} as they should be`].join("\n")}\n`;
  });
  return errors > 0 ? EXIT.failed : EXIT.done;
}

function linesOf(session: Session, { name, level, text, fixes }: Finding): string[] {
  const [tag, colour] = TAGS[level];
  const mark = session.coloured(`[${tag}]`, colour) + " ".repeat(TAG_CHARS - tag.length - 2);
  const indent = " ".repeat(TAG_CHARS + 1);
  return [`${mark} ${name.padEnd(NAME_CHARS)} ${text}`, ...fixes.map((fix) => `${indent}-> ${fix}`)];
}
