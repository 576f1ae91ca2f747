/**
 * Writes docs/reference/cli.md from the command line's own definitions: `node tools/reference-cli.ts`. A test compares
 * the two.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { buildProgram } from "../src/cli/program.ts";
import { LOCAL_VERBS } from "../src/roles/cli.ts";

export const CLI_REFERENCE = join(import.meta.dirname, "..", "docs", "reference", "cli.md");

const INTRO = `# Command line

<!-- Made by tools/reference-cli.ts from src/cli; a test holds them together. Change the table, then run it. -->

\`sluice\` has the grammar, tables and prompts of \`eascmd\`: options of all verbs may stand before or after the verb, and a
service may be named \`region/name\`.

**Where it speaks to.** \`config.json\` in \`SLUICE_HOME\` (\`~/.sluice\` unless set), mode 0600: \`address\` and \`key\` of the control
API, \`region\`, \`gateway\`. The server writes it at its first start. \`-c\` names another file; \`-e\` and \`-k\` stand in for
what is in it; \`sluice config\` writes it.

**Exit codes.** 0: done. 1: tried and failed. 2: the command line makes no sense, or a question could not be asked.

**Waiting.** Verbs that change a service wait until it is as asked for, and show every step. \`--no-wait\` returns when the
change was accepted. Ctrl-C ends the wait, leaves the service as it is, says so, and exits with 1, for nobody knows yet how
it ends; so does \`--timeout\`.

**Questions.** \`delete\`, \`stop\`, \`dw\`, \`release\`, \`group delete\` and \`token revoke\` ask first and take \`Y\`, \`y\` or \`yes\`. \`-y\` answers for you. Without
a terminal and without \`-y\` they refuse, with 2.

**JSON.** With \`--output json\` standard output is the API's answer and nothing else; steps and warnings go to standard
error, and so do refusals, as JSON. \`logs -f\` has no JSON form.

**Colours** are used on a terminal only, and not when \`NO_COLOR\` is set.
`;

const row = (left: string, right: string) =>
  `| \`${left.replaceAll("|", "\\|")}\` | ${right.replaceAll("|", "\\|")} |`;
const table = (rows: readonly string[]) => ["| | |", "| --- | --- |", ...rows].join("\n");

function commandText(command: Command, name: string): string {
  const help = command.createHelp();
  const parts = [`### sluice ${name}`, `${command.description()}.`];
  const args = command.registeredArguments.map((argument) => `<${argument.name()}>`).join(" ");
  parts.push(
    `\`\`\`\nsluice ${[name, args, command.options.length > 0 ? "[options]" : ""].filter(Boolean).join(" ")}\n\`\`\``,
  );
  if (command.aliases().length > 0)
    parts.push(
      `Also: ${command
        .aliases()
        .map((alias) => `\`${alias}\``)
        .join(", ")}.`,
    );
  const rows = [
    ...command.registeredArguments.map((argument) =>
      row(`<${argument.name()}>`, help.argumentDescription(argument)),
    ),
    ...command.options.map((option) => row(option.flags, help.optionDescription(option))),
  ];
  if (rows.length > 0) parts.push(table(rows));
  return parts.join("\n\n");
}

/** The whole page. */
export function cliReference(): string {
  const nothing = async () => undefined;
  const program = buildProgram("", LOCAL_VERBS, {
    runVerb: nothing,
    runLocal: nothing,
    runAbsent: () => undefined,
  });
  const help = program.createHelp();
  const options = table(program.options.map((option) => row(option.flags, help.optionDescription(option))));
  const verbs = program.commands.flatMap((command) =>
    command.commands.length === 0
      ? [commandText(command, command.name())]
      : command.commands.map((child) => commandText(child, `${command.name()} ${child.name()}`)),
  );
  return `${[INTRO.trimEnd(), "## Options of all verbs", options, "## Verbs", ...verbs].join("\n\n")}\n`;
}

if (import.meta.main) writeFileSync(CLI_REFERENCE, cliReference());
