import type { Session } from "../session.ts";
import type { LocalVerb, Verb, VerbOption } from "../verb.ts";
import type { NameKind } from "./names.ts";

/** One word that may come next. */
export interface Candidate {
  readonly word: string;
  /** Shown beside it where the shell can. */
  readonly text: string;
}

/** What may come next: words, and whether names of files do as well. */
export interface Completion {
  readonly candidates: readonly Candidate[];
  readonly isFile: boolean;
}

/** The verbs and options that a command line may have. */
export interface Grammar {
  readonly verbs: readonly (Verb | LocalVerb)[];
  readonly globals: readonly VerbOption[];
  /** What first words that several verbs share are about. */
  readonly parents: Readonly<Record<string, string>>;
}

/** Looks up names that begin in some way; it never fails and never takes long. */
export type Names = (
  kind: NameKind,
  begin: string,
  args: readonly string[],
  globals: Session["options"],
) => Promise<readonly string[]>;

interface Flag {
  readonly long: string | null;
  readonly short: string | null;
  readonly takesValue: boolean;
  readonly option: VerbOption;
}

/** `-w, --weight <n>` in its parts. */
function flagOf(option: VerbOption): Flag {
  const names = option.flags.split(/[ ,]+/);
  return {
    long: names.find((name) => name.startsWith("--")) ?? null,
    short: names.find((name) => /^-[^-]$/.test(name)) ?? null,
    takesValue: option.flags.includes("<"),
    option,
  };
}

/** Arguments whose values the API knows, by their name in the verb tables. */
const KIND_OF_ARGUMENT: Readonly<Record<string, NameKind>> = {
  service: "service",
  group: "group",
  instance: "instance",
  instances: "instance",
  version: "version",
  name: "service-or-group",
  profile: "profile",
};
const KIND_OF_OPTION: Readonly<Record<string, NameKind>> = {
  "--group": "group",
  "--instance": "instance",
  "--target": "service",
  "--delete": "instance",
  "--profile": "profile",
};
/** Arguments and values of options that are files or folders. */
const FILE = /^(file|dir|path)$/;
const OPTIONS_WITH_FILE = ["--config", "--file", "--service", "--request"];
/** Values that are said in the text of an argument, and not in its type. */
const WORDS_OF: Readonly<Record<string, readonly string[]>> = {
  language: ["python", "java", "cpp", "node"],
  lock: ["all", "dangerous", "none"],
  action: ["status", "pause", "resume", "off"],
  shell: ["bash", "zsh", "fish"],
};

/**
 * What may stand in the place of the last of `words`, which are a command line without its first word. The last one may be empty.
 */
export async function complete(
  grammar: Grammar,
  words: readonly string[],
  names: Names,
): Promise<Completion> {
  const current = words.at(-1) ?? "";
  const line = readLine(grammar, words.slice(0, -1));
  const own = line.verb?.options ?? [];
  const flags = [...grammar.globals, ...own].map(flagOf);
  const only = (candidates: readonly Candidate[], isFile = false): Completion => ({
    candidates: candidates.filter((c) => c.word.startsWith(current)),
    isFile,
  });
  if (line.pending !== null) return valueFor(line.pending, current === "=" ? "" : current, line, names);
  const at = current.startsWith("--") ? current.indexOf("=") : -1;
  if (at > 0) {
    // `--output=js` in one word, as zsh and fish have it.
    const flag = flags.find((f) => f.takesValue && f.long === current.slice(0, at));
    if (flag === undefined) return { candidates: [], isFile: false };
    const found = await valueFor(flag, current.slice(at + 1), line, names);
    const candidates = found.candidates.map((c) => ({ ...c, word: current.slice(0, at + 1) + c.word }));
    return { ...found, candidates };
  }
  if (current.startsWith("-") && !line.isRaw) {
    const shown = flags.map((flag) => ({ word: flag.long ?? flag.short!, text: flag.option.text }));
    return only([...shown, { word: "--help", text: "print how it is written" }]);
  }
  if (line.verb === null) return only(nextWords(grammar, line.args));
  // `config` takes no arguments, and may go on as `config ls`.
  const more = line.args.length === 0 ? nextWords(grammar, line.verb.name.split(" ")) : [];
  const argument = argumentAt(line.verb, line.args.length);
  if (argument === null) return only(more);
  const fixed = WORDS_OF[argument];
  if (fixed !== undefined) return only([...more, ...fixed.map((word) => ({ word, text: "" }))]);
  const kind = KIND_OF_ARGUMENT[argument];
  if (kind === undefined) return only(more, FILE.test(argument));
  return only([...more, ...(await named(kind, current, line, names))]);
}

interface Line {
  readonly verb: Verb | LocalVerb | null;
  /** Arguments of the verb, or the words before it is known. */
  readonly args: readonly string[];
  /** An option whose value is being typed. */
  readonly pending: Flag | null;
  /** Behind `--`: nothing is an option any more. */
  readonly isRaw: boolean;
  readonly globals: Session["options"];
}

const GLOBAL_FIELDS: Readonly<Record<string, keyof Session["options"]>> = {
  "--config": "config",
  "--endpoint": "endpoint",
  "--key": "key",
  "--profile": "profile",
};

/** Reads what stands before the word that is typed, as far as it can be told apart. */
function readLine(grammar: Grammar, words: readonly string[]): Line {
  let verb: Verb | LocalVerb | null = null;
  let args: string[] = [];
  let isRaw = false;
  let pending: Flag | null = null;
  const globals: Record<string, string> = {};
  const take = (flag: Flag, value: string) => {
    const field = GLOBAL_FIELDS[flag.long ?? ""];
    if (field !== undefined) globals[field] = value;
  };
  for (const word of words) {
    // bash parts `--output=json` into three words.
    if (pending !== null && word === "=") continue;
    if (pending !== null) {
      take(pending, word);
      pending = null;
    } else if (word === "--") isRaw = true;
    else if (!isRaw && word.startsWith("-") && word.length > 1) {
      const [name, value] = word.startsWith("--")
        ? word.split("=", 2)
        : [word.slice(0, 2), word.slice(2) || undefined];
      const known = [...grammar.globals, ...(verb?.options ?? [])].map(flagOf);
      const flag = known.find((f) => f.long === name || f.short === name);
      if (flag?.takesValue !== true) continue;
      if (value === undefined) pending = flag;
      else take(flag, value);
    } else {
      args.push(word);
      const found = grammar.verbs.find((v) => namesOf(v).includes(verbKey(verb, args)));
      if (found !== undefined) {
        verb = found;
        args = [];
      }
    }
  }
  return { verb, args, pending, isRaw, globals };
}

/** Words so far as the name of a verb: those before it is known, or `config` and then `ls`. */
const verbKey = (verb: Verb | LocalVerb | null, args: readonly string[]): string =>
  verb === null
    ? args.join(" ")
    : args.length === 1 && !verb.name.includes(" ")
      ? `${verb.name} ${args[0]}`
      : "";

/** A verb's name, and its other names. */
function namesOf(verb: Verb | LocalVerb): string[] {
  const aliases = "aliases" in verb ? (verb.aliases ?? []) : [];
  const parent = verb.name.includes(" ") ? `${verb.name.split(" ")[0]} ` : "";
  return [verb.name, ...aliases.map((alias) => parent + alias)];
}

/** Words that go on from `before` to the name of a verb. */
function nextWords(grammar: Grammar, before: readonly string[]): Candidate[] {
  const found = new Map<string, string>();
  for (const verb of grammar.verbs) {
    const words = verb.name.split(" ");
    if (words.length <= before.length || before.some((word, at) => words[at] !== word)) continue;
    const word = words[before.length]!;
    const isWhole = words.length === before.length + 1;
    if (isWhole || !found.has(word)) found.set(word, isWhole ? verb.summary : (grammar.parents[word] ?? ""));
  }
  return [...found].map(([word, text]) => ({ word, text }));
}

/** Name of the argument in that place, without its brackets; null when there is none. */
function argumentAt(verb: Verb | LocalVerb, at: number): string | null {
  const argument = (verb.args ?? [])[at];
  return argument === undefined ? null : argument.name.replace(/[<>[\].]/g, "");
}

async function valueFor(flag: Flag, current: string, line: Line, names: Names): Promise<Completion> {
  const { choices } = flag.option;
  const kind = KIND_OF_OPTION[flag.long ?? ""];
  if (choices !== undefined)
    return {
      candidates: choices.filter((c) => c.startsWith(current)).map((word) => ({ word, text: "" })),
      isFile: false,
    };
  if (kind !== undefined) return { candidates: await named(kind, current, line, names), isFile: false };
  return { candidates: [], isFile: OPTIONS_WITH_FILE.includes(flag.long ?? "") };
}

/** Names of a kind; of a list parted by commas the last one. */
async function named(kind: NameKind, current: string, line: Line, names: Names): Promise<Candidate[]> {
  const comma = current.lastIndexOf(",") + 1;
  const before = current.slice(0, comma);
  const found = await names(kind, current.slice(comma), line.args, line.globals);
  const given = before.split(",");
  return found
    .filter((name) => name.startsWith(current.slice(comma)) && !given.includes(name))
    .map((name) => ({ word: before + name, text: "" }));
}
