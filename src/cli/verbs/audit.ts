import { EXIT, Misuse } from "../cli-io.ts";
import { readSeconds } from "../duration.ts";
import { textOption, type VerbRun } from "../verb.ts";

export const run: VerbRun = async (session, _, options) => {
  const [by, target, operation, since] = ["by", "target", "operation", "since"].map((name) =>
    textOption(options, name),
  );
  const lines = textOption(options, "lines") ?? "100";
  if (!/^[1-9]\d{0,3}$/.test(lines) || Number(lines) > 1000)
    throw new Misuse(`--lines takes a number from 1 to 1000, not ${lines}`);
  const sinceMs = since === undefined ? null : session.io.now() - readSeconds(since, "--since") * 1000;
  const answer = await session.client.call("ListAuditEntries", {
    query: {
      ...(by === undefined ? {} : { AccessKeyId: by }),
      ...(target === undefined ? {} : { Target: target }),
      ...(operation === undefined ? {} : { Operation: operation }),
      ...(options.refused === true ? { Outcome: "refused" as const } : {}),
      ...(sinceMs === null ? {} : { StartTime: new Date(sinceMs).toISOString() }),
      PageSize: Number(lines),
    },
  });
  session.show(answer, () =>
    session.list<(typeof answer.Entries)[number]>(
      [
        { header: "TIME", cell: (e) => e.Time },
        { header: "ACCESSKEYID", cell: (e) => e.AccessKeyId },
        { header: "FROM", cell: (e) => e.RemoteAddress },
        { header: "OPERATION", cell: (e) => e.Operation },
        { header: "TARGET", cell: (e) => e.Target },
        { header: "CHANGE", cell: (e) => (e.Outcome === "done" ? e.Change : `refused: ${e.Code}`) },
        { header: "REQUESTID", cell: (e) => e.RequestId },
      ],
      answer.Entries,
    ),
  );
  return EXIT.done;
};
