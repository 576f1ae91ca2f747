import { EXIT } from "../cli-io.ts";
import { keyTable } from "../table.ts";
import type { VerbRun } from "../verb.ts";

/** Rows in the order of eas-reference §2.1; what this installation has none of is empty. */
export const run: VerbRun = async (session, [service]) => {
  const answer = await session.client.call("DescribeService", { path: await session.service(service!) });
  session.show(answer, () =>
    keyTable([
      ["Status", answer.Status],
      ["ServiceName", answer.ServiceName],
      ["Region", answer.Region],
      ["CreateTime", answer.CreateTime],
      ["UpdateTime", answer.UpdateTime],
      ["AccessToken", answer.AccessToken],
      ["PrivateToken", ""],
      ["TotalInstance", answer.TotalInstance],
      ["RunningInstance", answer.RunningInstance],
      ["PendingInstance", answer.PendingInstance],
      ["CPU", answer.Cpu],
      ["GPU", answer.Gpu],
      ["Memory", `${answer.Memory}M`],
      ["Image", answer.Image],
      // Not of eascmd, so only where there is one.
      ...(answer.Processor === "" ? [] : [["Processor", answer.Processor] as const]),
      ["Weight", answer.Weight],
      ["LatestVersion", answer.LatestVersion],
      ["CurrentVersion", answer.CurrentVersion],
      ["Message", answer.Message],
      ["APIGatewayUrl", ""],
      ["APIGatewayAppKey", ""],
      ["APIGatewayAppSecret", ""],
      ["IntranetEndpoint", answer.IntranetEndpoint ?? ""],
      ["ServiceConfig", JSON.stringify(JSON.parse(answer.ServiceConfig), null, 2)],
    ]),
  );
  return EXIT.done;
};
