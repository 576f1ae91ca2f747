import { EXIT } from "../cli-io.ts";
import { listServices } from "../service-list.ts";
import { serviceTable } from "../service-table.ts";
import type { VerbRun } from "../verb.ts";

export const run: VerbRun = async (session, [group]) => {
  const path = { ClusterId: await session.region(), GroupName: group! };
  const answer = await session.client.call("DescribeGroup", { path });
  const { Services } = await listServices(session, { GroupName: group });
  session.show(
    answer,
    () =>
      session.keys([
        ["Name", answer.Name],
        ["Region", answer.ClusterId],
        ["TrafficMode", answer.TrafficMode],
        ["Sticky", answer.Sticky],
        ["CreateTime", answer.CreateTime],
        ["UpdateTime", answer.UpdateTime],
        ["AccessToken", answer.AccessToken],
        ["InternetEndpoint", answer.InternetEndpoint],
        ["IntranetEndpoint", answer.IntranetEndpoint],
        ["Labels", answer.Labels.map((label) => `${label.LabelKey}=${label.LabelValue}`).join(" ")],
      ]) + serviceTable(Services, session.io.columns),
  );
  return EXIT.done;
};
