import { Command, Option } from "commander";
import { ABSENT_VERBS, type AbsentVerb } from "./absent-verbs.ts";
import { GLOBAL_OPTIONS, PARENTS } from "./global-options.ts";
import type { LocalVerb, Verb, VerbOption, VerbOptions } from "./verb.ts";
import { VERBS } from "./verbs.ts";

/** Who runs a verb that the command line named. */
export interface Runner {
  readonly runVerb: (
    verb: Verb,
    args: readonly (string | undefined)[],
    options: VerbOptions,
    globals: object,
  ) => Promise<void>;
  readonly runAbsent: (verb: AbsentVerb, globals: object) => void;
  readonly runLocal: (
    verb: LocalVerb,
    args: readonly (string | undefined)[],
    options: VerbOptions,
  ) => Promise<void>;
}

const WIDTH = 110;

/** The command line: `eascmd`'s grammar (eas-reference §2), plus what runs a server. */
export function buildProgram(version: string, locals: readonly LocalVerb[], runner: Runner): Command {
  const program = new Command("sluice")
    .description("Serves models: one JSON file, one address, exact traffic splits.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this")
    .configureHelp({ helpWidth: WIDTH, showGlobalOptions: false })
    .showHelpAfterError("Add --help to see how it is written.");
  for (const option of GLOBAL_OPTIONS) program.addOption(toOption(option));
  for (const local of locals) {
    const command = program.command(local.name).description(local.summary);
    for (const argument of local.args ?? []) command.argument(argument.name, argument.text);
    for (const option of local.options) command.addOption(toOption(option));
    command.action(() => runner.runLocal(local, command.processedArgs, command.opts()));
  }
  const firsts = new Map<string, Command>();
  for (const verb of VERBS) {
    const [first, second] = verb.name.split(" ") as [string, string | undefined];
    if (second !== undefined && !firsts.has(first))
      firsts.set(first, program.command(first).description(PARENTS[first]!).helpCommand(false));
    // `config` is a verb, and `config ls` one of a verb, too.
    const command = (second === undefined ? program : firsts.get(first)!)
      .command(second ?? first)
      .description(verb.summary)
      .helpCommand(false);
    if (second === undefined) firsts.set(first, command);
    if (verb.aliases) command.aliases([...verb.aliases]);
    for (const argument of verb.args) command.argument(argument.name, argument.text);
    for (const option of verb.options) command.addOption(toOption(option));
    command.action(() => runner.runVerb(verb, command.processedArgs, command.opts(), program.opts()));
  }
  for (const absent of ABSENT_VERBS) {
    const command = program
      .command(absent.name, { hidden: true })
      .description(`not in this version: ${absent.what}`)
      .argument("[words...]")
      .allowUnknownOption();
    if (absent.aliases) command.aliases([...absent.aliases]);
    command.action(() => runner.runAbsent(absent, program.opts()));
  }
  return program;
}

function toOption({ flags, text, choices, isRepeatable }: VerbOption): Option {
  const option = new Option(flags, text);
  if (choices) option.choices(choices);
  if (isRepeatable)
    option.argParser((value: string, before: readonly string[] | undefined) => [...(before ?? []), value]);
  return option;
}
