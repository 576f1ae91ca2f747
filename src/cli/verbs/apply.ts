import { carryOut, type Result } from "../apply/carry-out.ts";
import { readDocuments } from "../apply/documents.ts";
import { planDocuments, type Step, type Wanted } from "../apply/plan.ts";
import { countsText, planTable, stepView } from "../apply/show.ts";
import { EXIT, type ExitCode, Failure, Misuse } from "../cli-io.ts";
import { readLabels } from "../labels.ts";
import type { Session } from "../session.ts";
import { listOption, textOption, type VerbOptions, type VerbRun } from "../verb.ts";
import { waitOptions } from "../wait.ts";

/** Services worked on at once, unless told. */
const AT_ONCE = 4;

/** `apply -f dir/`: makes the server have what the documents describe, after it showed how. */
export const run: VerbRun = async (session, _, options) => {
  const wait = waitOptions(options);
  const atOnce = atOnceOf(options);
  const wanted = wantedOf(options);
  const sources = listOption(options, "file");
  if (sources.length === 0) throw new Misuse("say what to apply: -f <file or folder>, once or several times");
  const documents = await readDocuments(sources, session.client.address, session.io);
  if (documents.length === 0)
    throw new Failure(`there is no document in ${sources.join(", ")}; nothing was changed`);
  const steps = await planDocuments(session, documents, wanted);
  const changes = steps.filter((step) => step.action !== "unchanged");
  if (!session.isJson) session.io.out(planTable(session, steps));
  const isPlan = options.plan === true || options.dryRun === true;
  if (isPlan || changes.length === 0) {
    if (session.isJson) tellAsJson(session, steps, []);
    else session.ok(isPlan ? "Nothing was changed" : "Everything is as described: nothing was changed");
    return isPlan && changes.length > 0 ? EXIT.differs : EXIT.done;
  }
  if (!(await session.confirm(`Carry this out: ${countsText(changes)}? [Y/n]`))) return session.declined();
  const manner = { wait, atOnce, isStoppingOnError: options.stopOnError === true };
  const results = await carryOut(session, steps, manner);
  if (session.isJson) tellAsJson(session, steps, results);
  return sumUp(session, results);
};

function wantedOf(options: VerbOptions): Wanted {
  const set = textOption(options, "set") ?? null;
  const selector = readLabels(listOption(options, "selector"), "-l");
  const isPruning = options.prune === true;
  if (set !== null && !/^[\w.-]{1,256}$/.test(set))
    throw new Misuse(`--set ${set}: letters, digits, - _ and ., 1 to 256 of them`);
  if (isPruning && set === null && Object.keys(selector).length === 0)
    throw new Misuse("--prune needs --set <name> or -l key=value: only what carries that label is deleted");
  return { set, selector, isPruning };
}

function atOnceOf(options: VerbOptions): number {
  const text = textOption(options, "parallel") ?? String(AT_ONCE);
  if (!/^[1-9]\d?$/.test(text)) throw new Misuse(`--parallel ${text}: a whole number from 1 to 99`);
  return Number(text);
}

function tellAsJson(session: Session, steps: readonly Step[], results: readonly Result[]): void {
  const Results = results.map(({ step, outcome, message }) => ({
    Kind: step.kind,
    Name: step.name,
    Action: step.action,
    Outcome: outcome,
    Message: message,
  }));
  session.tell({ Plan: steps.map(stepView), Results }, () => "");
}

/** One line on what was done, and one on each that was not. */
function sumUp(session: Session, results: readonly Result[]): ExitCode {
  const count = (action: Step["action"]) =>
    results.filter((r) => r.step.action === action && (r.outcome === "done" || r.outcome === "accepted"))
      .length;
  const parts = [
    [count("create"), "created"],
    [count("update"), "updated"],
    [count("delete"), "deleted"],
    [results.filter((r) => r.outcome === "unchanged").length, "unchanged"],
  ] as const;
  const done = parts.filter(([number]) => number > 0).map(([number, text]) => `${number} ${text}`);
  const others = results.filter((r) => r.outcome === "failed" || r.outcome === "skipped");
  const text = done.length === 0 ? "Nothing was changed" : done.join(", ");
  if (others.length === 0) {
    session.ok(text);
    return EXIT.done;
  }
  session.warn(text);
  for (const { step, outcome, message } of others)
    session.error(`${step.kind} ${step.name} was not ${PAST[step.action]} (${outcome}): ${message}`);
  return EXIT.failed;
}

const PAST = { create: "created", update: "updated", delete: "deleted", unchanged: "looked at" } as const;
