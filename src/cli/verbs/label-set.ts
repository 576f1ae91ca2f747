import { EXIT, Misuse } from "../cli-io.ts";
import { readLabels } from "../labels.ts";
import { listOption, type VerbRun } from "../verb.ts";

export const run: VerbRun = async (session, [service], options) => {
  const labels = listOption(options, "label");
  if (labels.length === 0) throw new Misuse("say which: --label key=value, once or several times");
  const body = { Labels: readLabels(labels) };
  const path = await session.service(service!);
  const answer = await session.client.call("UpdateServiceLabel", { path, body });
  session.show(answer);
  session.ok(answer.Message);
  return EXIT.done;
};
