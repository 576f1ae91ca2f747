import type { ResponseOf } from "../../api/operations.ts";
import { EXIT } from "../cli-io.ts";
import type { VerbRun } from "../verb.ts";

type Content = ResponseOf<"ListCachedFiles">["Contents"][number];

/** Enough to name one of some thousand; the whole is in `--output json`. */
const ID_CHARS = 12;

export const run: VerbRun = async (session) => {
  const answer = await session.client.call("ListCachedFiles", {});
  const bytes = answer.Contents.reduce((sum, c) => sum + c.Bytes, 0);
  session.show(answer, () =>
    session.list<Content>(
      [
        { header: "CONTENT", cell: (c) => c.ContentId.slice(0, ID_CHARS) },
        { header: "MB", cell: (c) => megabytes(c.Bytes) },
        { header: "LAST USED", cell: (c) => c.LastUsedTime },
        { header: "USED BY", cell: (c) => referrersText(c) },
        { header: "SOURCE", cell: (c) => c.Sources.join(", ") },
      ],
      answer.Contents,
    ),
  );
  session.ok(`${megabytes(bytes)} MB of ${megabytes(answer.BytesMax)}`);
  return EXIT.done;
};

const megabytes = (bytes: number) => (bytes / 1e6).toFixed(bytes < 1e6 ? 3 : 0);

/** `scorecard v1 v2, other v4`. */
function referrersText({ Referrers }: Content): string {
  const byService = Map.groupBy(Referrers, (r) => r.ServiceName);
  return [...byService]
    .map(([name, list]) => [name, ...list.map((r) => `v${r.Version}`)].join(" "))
    .join(", ");
}
