import { EXIT } from "../cli-io.ts";
import { readLabels } from "../labels.ts";
import { listOption, type VerbRun } from "../verb.ts";

export const run: VerbRun = async (session, [group], options) => {
  const body = { Name: group!, Labels: readLabels(listOption(options, "label")) };
  const answer = await session.client.call("CreateGroup", { body });
  session.show(answer);
  session.ok(answer.Message);
  return EXIT.done;
};
