import type { ResponseOf } from "../../api/operations.ts";
import { EXIT } from "../cli-io.ts";
import { keyTable } from "../table.ts";
import type { VerbRun } from "../verb.ts";

type Difference = ResponseOf<"ListServiceMirrorDifferences">["Differences"][number];

export const run: VerbRun = async (session, [service]) => {
  const path = await session.service(service!);
  const answer = await session.client.call("ListServiceMirrorDifferences", { path });
  session.show(answer, () => answer.Differences.toReversed().map(differenceTable).join(""));
  if (answer.Differences.length === 0) {
    const { Compare } = await session.client.call("DescribeServiceMirror", { path });
    if (!Compare?.Samples)
      session.warn("no differing pairs are kept; ask for them with mirror update --compare … --samples 20");
  }
  return EXIT.done;
};

const differenceTable = (d: Difference) =>
  keyTable([
    ["Time", d.Time],
    ["Target", d.Target],
    ["X-Request-Id", d.RequestId],
    ["Difference", d.Text],
    ["Primary", answerText(d.Primary)],
    ["Copy", answerText(d.Copy)],
  ]);

const answerText = ({ Status, Body, IsCut }: Difference["Primary"]) => `${Status} ${Body}${IsCut ? "…" : ""}`;
