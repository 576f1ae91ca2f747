import { readDocuments } from "../apply/documents.ts";
import { planDocuments } from "../apply/plan.ts";
import { diffText, stepView } from "../apply/show.ts";
import { EXIT, Failure, Misuse } from "../cli-io.ts";
import { listOption, type VerbRun } from "../verb.ts";

/** `diff -f dir/`, or `diff <service> <file>`: what an apply would change. 0: nothing; 1: something, as diff(1) has it. */
export const run: VerbRun = async (session, [service, file], options) => {
  const sources = listOption(options, "file");
  if (sources.length > 0 === (service !== undefined) || (service !== undefined && file === undefined))
    throw new Misuse("say what to compare: either -f <file or folder>, or <service> <file>");
  const { client, io } = session;
  const documents = await readDocuments(file === undefined ? sources : [file], client.address, io);
  if (service !== undefined && !documents.some((d) => d.name === service))
    throw new Failure(
      `${file} describes ${documents.map((d) => d.name).join(", ") || "nothing"}, not ${service}`,
    );
  const chosen = service === undefined ? documents : documents.filter((d) => d.name === service);
  const steps = await planDocuments(session, chosen, { set: null, selector: {}, isPruning: false });
  const differing = steps.filter((step) => step.action !== "unchanged");
  session.tell({ Differs: differing.length > 0, Differences: differing.map(stepView) }, () =>
    diffText(session, differing),
  );
  return differing.length > 0 ? EXIT.failed : EXIT.done;
};
