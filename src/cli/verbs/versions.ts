import type { Version } from "../../api/objects.ts";
import { EXIT } from "../cli-io.ts";
import type { VerbRun } from "../verb.ts";

export const run: VerbRun = async (session, [service]) => {
  const path = await session.service(service!);
  const answer = await session.client.call("ListServiceVersions", { path });
  const { CurrentVersion } = await session.client.call("DescribeService", { path });
  session.show(answer, () =>
    session.list<Version>(
      [
        { header: "VERSION", align: "right", cell: (v) => v.Version },
        { header: "CURRENT", cell: (v) => (v.Version === CurrentVersion ? "yes" : "") },
        { header: "BUILDTIME", cell: (v) => v.BuildTime },
        { header: "RUNNABLE", cell: (v) => v.ServiceRunnable },
        { header: "MESSAGE", cell: (v) => v.Message },
      ],
      answer.Versions,
    ),
  );
  return EXIT.done;
};
