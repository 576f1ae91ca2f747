import type { Group } from "../../api/objects.ts";
import { EXIT } from "../cli-io.ts";
import type { VerbRun } from "../verb.ts";

export const run: VerbRun = async (session) => {
  const answer = await session.client.call("ListGroups", { query: { PageSize: 1000 } });
  session.show(answer, () =>
    session.list<Group>(
      [
        { header: "GROUPNAME", cell: (g) => g.Name },
        { header: "TRAFFICMODE", cell: (g) => g.TrafficMode },
        { header: "CREATETIME", cell: (g) => g.CreateTime },
        { header: "UPDATETIME", cell: (g) => g.UpdateTime },
        { header: "ENDPOINT", cell: (g) => g.IntranetEndpoint },
      ],
      answer.Groups,
    ),
  );
  return EXIT.done;
};
