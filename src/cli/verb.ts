import type { ExitCode } from "./cli-io.ts";
import type { Session } from "./session.ts";

/** One option of a verb, in commander's grammar: `-w, --weight <n>`. */
export interface VerbOption {
  readonly flags: string;
  readonly text: string;
  /** Values that are allowed. */
  readonly choices?: readonly string[];
  /** May be given several times; the values are gathered. */
  readonly isRepeatable?: true;
}

export type VerbOptions = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** What a verb does: arguments and options in, exit code out. */
export type VerbRun = (
  session: Session,
  args: readonly (string | undefined)[],
  options: VerbOptions,
) => Promise<ExitCode>;

/** One verb of the command line. Its code is loaded only when it is called. */
export interface Verb {
  /** e.g. `release`, or `group ls` for a verb of a verb. */
  readonly name: string;
  readonly aliases?: readonly string[];
  /** In commander's grammar: `<service>`, `[file]`. */
  readonly args: readonly { readonly name: string; readonly text: string }[];
  readonly summary: string;
  readonly options: readonly VerbOption[];
  readonly load: () => Promise<{ readonly run: VerbRun }>;
  /** Exit code of what is tried and fails, where 1 says something else; 1 unless told. */
  readonly failureCode?: ExitCode;
}

/** A verb that runs in this process instead of asking the API, e.g. `serve`; given by the composition root. */
export interface LocalVerb {
  readonly name: string;
  /** In commander's grammar; absent: none. */
  readonly args?: Verb["args"];
  readonly summary: string;
  readonly options: readonly VerbOption[];
  /** Exit code. */
  readonly run: (options: VerbOptions, args: readonly (string | undefined)[]) => Promise<number>;
}

/** An option that takes one value, as text. */
export function textOption(options: VerbOptions, name: string): string | undefined {
  const value = options[name];
  return typeof value === "string" ? value : undefined;
}

/** An option that may be given several times. */
export function listOption(options: VerbOptions, name: string): readonly string[] {
  const value = options[name];
  return Array.isArray(value) ? value : [];
}
