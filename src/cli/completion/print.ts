import type { CliIo } from "../cli-io.ts";
import { GLOBAL_OPTIONS, PARENTS } from "../global-options.ts";
import type { LocalVerb } from "../verb.ts";
import { VERBS } from "../verbs.ts";
import { complete } from "./candidates.ts";
import { lookUpNames } from "./names.ts";

/** Longest text beside a candidate; it stands in one line of a terminal. */
const TEXT_CHARS_MAX = 80;

/**
 * Answers a script of scripts.ts: what may stand in the place of the last of `words`, one a line, its text behind a tab, and `:file`
 * when names of files may, too.
 */
export async function printCandidates(
  words: readonly string[],
  io: CliIo,
  locals: readonly LocalVerb[],
): Promise<void> {
  const grammar = { verbs: [...locals, ...VERBS], globals: GLOBAL_OPTIONS, parents: PARENTS };
  const { candidates, isFile } = await complete(grammar, words, (kind, begin, args, globals) =>
    lookUpNames(io, kind, begin, args, globals),
  );
  const lines = candidates.map(({ word, text }) =>
    text === "" ? word : `${word}\t${text.replace(/\s+/g, " ").slice(0, TEXT_CHARS_MAX)}`,
  );
  io.out([...lines, ...(isFile ? [":file"] : [])].map((line) => `${line}\n`).join(""));
}
