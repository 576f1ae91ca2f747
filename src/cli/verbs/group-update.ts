import { EXIT, Misuse } from "../cli-io.ts";
import { readLabels } from "../labels.ts";
import { listOption, textOption, type VerbRun } from "../verb.ts";

export const run: VerbRun = async (session, [group], options) => {
  const mode = textOption(options, "mode") as "auto" | "customized" | undefined;
  const labels = listOption(options, "label");
  const sticky = textOption(options, "sticky");
  if (mode === undefined && sticky === undefined && labels.length === 0)
    throw new Misuse("say what to change: --mode, --sticky, or --label");
  const path = { ClusterId: await session.region(), GroupName: group! };
  const body = {
    ...(mode === undefined ? {} : { TrafficMode: mode }),
    ...(sticky === undefined ? {} : { Sticky: sticky }),
    ...(labels.length === 0 ? {} : { Labels: readLabels(labels) }),
  };
  const answer = await session.client.call("UpdateGroup", { path, body });
  session.show(answer);
  session.ok(answer.Message);
  return EXIT.done;
};
