/**
 * Writes docs/reference/cli.md from the command line's own definitions: `node tools/reference-cli.ts`. A test compares
 * the two.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { ABSENT_VERBS, type AbsentVerb } from "../src/cli/absent-verbs.ts";
import { buildProgram } from "../src/cli/program.ts";
import { VERBS } from "../src/cli/verbs.ts";
import { LOCAL_VERBS } from "../src/roles/cli.ts";

export const CLI_REFERENCE = join(import.meta.dirname, "..", "docs", "reference", "cli.md");

const INTRO = `# Command line

<!-- Made by tools/reference-cli.ts from src/cli; a test holds them together. Change the table, then run it. -->

\`sluice\` has the grammar, tables and prompts of \`eascmd\`: options of all verbs may stand before or after the verb, and a
service may be named \`region/name\`.

**Where it speaks to.** \`config.json\` in \`SLUICE_HOME\` (\`~/.sluice\` unless set), mode 0600: \`address\` and \`key\` of the control
API, \`keyId\`, \`region\`, \`gateway\`. The server writes it at its first start. \`-c\` names another file; \`-e\` and \`-k\` stand in for
what is in it; \`sluice config\` writes it. Several installations are profiles of the file: its first level is the profile \`default\`,
others stand in \`profiles\` (\`sluice config add\`, \`ls\`, \`use\`, \`show\`, \`rm\`). \`--profile\` beats \`SLUICE_PROFILE\`, which beats what \`config use\` chose.

**Keys.** Whoever may list the processes of a machine sees command lines. \`-k -\` reads the key from standard input, \`-k @file\` from a file, and
\`SLUICE_KEY\` has it in the environment.

**Exit codes.**

| | |
| --- | --- |
| 0 | done; \`diff\`: nothing differs; \`doctor\`: no errors |
| 1 | tried and failed; \`diff\`: something differs; \`doctor\`: an error |
| 2 | the command line makes no sense, or a question could not be asked; \`diff\`: it could not be told |
| 3 | \`apply --plan\`: there is something to do |
| 4 | a command of \`eascmd\` that is not in this version |

**Waiting.** Verbs that start, stop or replace instances wait until it is as asked for, and show every step. \`--no-wait\` returns when the
change was accepted; others take \`--wait\` to wait. Ctrl-C ends the wait, leaves the service as it is, says so, and exits with 1, for nobody knows yet how
it ends; so does \`--timeout\`.

**Questions.** \`delete\`, \`stop\`, \`dw\`, \`detach\`, \`release\`, \`apply\`, \`group delete\`, \`token revoke\` and \`config rm\` ask first and take \`Y\`, \`y\` or \`yes\`. \`-y\` answers for you. Without
a terminal and without \`-y\` they refuse, with 2.

**JSON.** With \`--output json\` standard output is one JSON document and nothing else: the API's answer, or what the verb knows by itself; steps and warnings go to standard
error, and so do refusals, as JSON. \`logs -f\` has no JSON form, \`top\` writes a document a second, \`predict\` the answer's body as it is.

**Terminals.** Colours are used on a terminal only, and not when \`NO_COLOR\` is set. Wide characters count as two columns. On a terminal of fewer than 80 columns a list that
does not fit is written as one block for each row. \`| head\` ends without a word.

**Completion.** \`source <(sluice completion bash)\` in \`~/.bashrc\`, the same with \`zsh\` in \`~/.zshrc\` behind \`compinit\`,
\`sluice completion fish > ~/.config/fish/completions/sluice.fish\`. Names of services, groups, instances and versions come from the API, within a second (\`SLUICE_COMPLETION_MS\`) or not at all.
`;

const ABSENT_INTRO = `## Not in this version

These commands of \`eascmd\` are known, say so, and exit with 4.`;

const absentName = ({ name, aliases = [] }: AbsentVerb) => [name, ...aliases].join(", ");

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
  const isAbsent = new Set(ABSENT_VERBS.map((verb) => verb.name));
  // A first word that is a verb itself, too, has a section of its own; one that is none only has those below it.
  const isVerb = new Set([...VERBS, ...LOCAL_VERBS].map((verb) => verb.name));
  const verbs = program.commands
    .filter((command) => !isAbsent.has(command.name()))
    .flatMap((command) => [
      ...(isVerb.has(command.name()) ? [commandText(command, command.name())] : []),
      ...command.commands.map((child) => commandText(child, `${command.name()} ${child.name()}`)),
    ]);
  const absent = table(
    ABSENT_VERBS.map((verb) => row(absentName(verb), `${verb.what}. Meanwhile: ${verb.instead}`)),
  );
  const parts = [
    INTRO.trimEnd(),
    "## Options of all verbs",
    options,
    "## Verbs",
    ...verbs,
    ABSENT_INTRO,
    absent,
  ];
  return `${parts.join("\n\n")}\n`;
}

if (import.meta.main) writeFileSync(CLI_REFERENCE, cliReference());
