import { Command, Option } from "commander";
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
  readonly runLocal: (
    verb: LocalVerb,
    args: readonly (string | undefined)[],
    options: VerbOptions,
  ) => Promise<void>;
}

const WIDTH = 110;

/** First words that several verbs share. */
const PARENTS: Readonly<Record<string, string>> = {
  group: "groups of services that share one address",
  cache: "models and processor packages that are kept on the machine",
  env: "Python environments that are kept on the machine",
  processor: "processors of your own",
  gateways: "the gateway workers of this installation",
  key: "access keys of the control API, with roles",
  token: "tokens that open a service or a group, several at once",
  mirror: "copies of a service's requests for other services",
};

/** The command line: `eascmd`'s grammar (eas-reference §2), plus what runs a server. */
export function buildProgram(version: string, locals: readonly LocalVerb[], runner: Runner): Command {
  const program = new Command("sluice")
    .description("Serves models: one JSON file, one address, exact traffic splits.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this")
    .configureHelp({ helpWidth: WIDTH, showGlobalOptions: false })
    .showHelpAfterError("Add --help to see how it is written.")
    .option("-c, --config <file>", "client's file; config.json in SLUICE_HOME unless told")
    .option("-e, --endpoint <address>", "address of the control API, instead of the file's")
    .option("-k, --key <key>", "access key, instead of the file's")
    .addOption(
      new Option("--output <format>", "json: answers of the API as they are").choices(["table", "json"]),
    )
    .option("-y, --yes", "do not ask");
  for (const local of locals) {
    const command = program.command(local.name).description(local.summary);
    for (const argument of local.args ?? []) command.argument(argument.name, argument.text);
    for (const option of local.options) command.addOption(toOption(option));
    command.action(() => runner.runLocal(local, command.processedArgs, command.opts()));
  }
  const parents = new Map<string, Command>();
  for (const verb of VERBS) {
    const [first, second] = verb.name.split(" ") as [string, string | undefined];
    if (second !== undefined && !parents.has(first))
      parents.set(first, program.command(first).description(PARENTS[first]!).helpCommand(false));
    const command = (second === undefined ? program : parents.get(first)!)
      .command(second ?? first)
      .description(verb.summary);
    if (verb.aliases) command.aliases([...verb.aliases]);
    for (const argument of verb.args) command.argument(argument.name, argument.text);
    for (const option of verb.options) command.addOption(toOption(option));
    command.action(() => runner.runVerb(verb, command.processedArgs, command.opts(), program.opts()));
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
