import type { ResponseOf } from "../../api/operations.ts";
import { EXIT } from "../cli-io.ts";
import type { Session } from "../session.ts";
import type { VerbRun } from "../verb.ts";

type Difference = ResponseOf<"ListServiceMirrorDifferences">["Differences"][number];

export const run: VerbRun = async (session, [service]) => {
  const path = await session.service(service!);
  const answer = await session.client.call("ListServiceMirrorDifferences", { path });
  session.show(answer, () =>
    answer.Differences.toReversed()
      .map((d) => differenceTable(session, d))
      .join(""),
  );
  if (answer.Differences.length === 0) {
    const { Compare } = await session.client.call("DescribeServiceMirror", { path });
    if (!Compare?.Samples)
      session.warn("no differing pairs are kept; ask for them with mirror update --compare … --samples 20");
  }
  return EXIT.done;
};

const differenceTable = (session: Session, d: Difference) =>
  session.keys([
    ["Time", d.Time],
    ["Target", d.Target],
    ["X-Request-Id", d.RequestId],
    ["Difference", d.Text],
    ["Primary", answerText(d.Primary)],
    ["Copy", answerText(d.Copy)],
  ]);

const answerText = ({ Status, Body, IsCut }: Difference["Primary"]) => `${Status} ${Body}${IsCut ? "…" : ""}`;
