import type { ResponseOf } from "../../api/operations.ts";
import { EXIT } from "../cli-io.ts";
import type { Session } from "../session.ts";
import type { VerbRun } from "../verb.ts";

type Counts = ResponseOf<"DescribeServiceMirror">["Counts"][number];

export const run: VerbRun = async (session, [service]) => {
  const answer = await session.client.call("DescribeServiceMirror", {
    path: await session.service(service!),
  });
  session.show(answer, () => {
    const { Compare } = answer;
    const rows: [string, string][] = [
      ["ServiceName", answer.ServiceName],
      ["Target", answer.Target],
      ["Ratio", answer.Ratio],
      ["Compare", Compare?.Mode ?? "off"],
    ];
    if (Compare?.Mode === "json") {
      rows.push(
        ["Tolerance", String(Compare.Tolerance)],
        ["IgnorePaths", Compare.IgnorePaths?.join(" ") ?? ""],
      );
    }
    if (Compare !== undefined) rows.push(["Samples", String(Compare.Samples)]);
    return session.keys(rows) + (answer.Counts.length > 0 ? countsTable(session, answer.Counts) : "");
  });
  return EXIT.done;
};

const countsTable = (session: Session, counts: readonly Counts[]) =>
  session.list<Counts>(
    [
      { header: "TARGET", cell: (c) => c.Target },
      { header: "SENT", align: "right", cell: (c) => c.Sent },
      { header: "ANSWERED", align: "right", cell: (c) => c.Answered },
      { header: "FAILED", align: "right", cell: (c) => c.Failed },
      { header: "DROPPED", cell: droppedText },
      { header: "COMPARED", align: "right", cell: (c) => c.Compared },
      { header: "DIFFERING", align: "right", cell: (c) => c.Differing },
    ],
    counts,
  );

/** `12 (Busy 10, TooLarge 2)` */
function droppedText({ Dropped }: Counts): string {
  const some = Object.entries(Dropped).filter(([, count]) => count > 0);
  const sum = some.reduce((total, [, count]) => total + count, 0);
  return sum === 0 ? "0" : `${sum} (${some.map(([reason, count]) => `${reason} ${count}`).join(", ")})`;
}
