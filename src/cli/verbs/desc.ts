import type { Service } from "../../api/objects.ts";
import { EXIT } from "../cli-io.ts";
import type { VerbRun } from "../verb.ts";

/** `2.41 s: start 0.10 s, import 1.90 s, load 0.41 s`; empty while it has not started. */
function startupText(stages: Service["Startup"]): string {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
  const total = stages.reduce((sum, { Milliseconds }) => sum + Milliseconds, 0);
  const each = stages.map(({ Name, Milliseconds }) => `${Name} ${seconds(Milliseconds)}`);
  return each.length === 0 ? "" : `${seconds(total)}: ${each.join(", ")}`;
}

/** Rows in the order of eas-reference §2.1; what this installation has none of is empty. */
export const run: VerbRun = async (session, [service]) => {
  const answer = await session.client.call("DescribeService", { path: await session.service(service!) });
  session.show(answer, () =>
    session.keys([
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
      ["CPU", answer.Cores],
      ["GPU", answer.Gpu],
      ["Memory", `${answer.Memory}M`],
      ["Image", answer.Image],
      // Not of eascmd, so only where there is one.
      ...(answer.Processor === "" ? [] : [["Processor", answer.Processor] as const]),
      ["Weight", answer.Weight],
      ["LatestVersion", answer.LatestVersion],
      ["CurrentVersion", answer.CurrentVersion],
      ["Message", answer.Message],
      ["Startup", startupText(answer.Startup)],
      ["APIGatewayUrl", ""],
      ["APIGatewayAppKey", ""],
      ["APIGatewayAppSecret", ""],
      ["IntranetEndpoint", answer.IntranetEndpoint ?? ""],
      ["ServiceConfig", JSON.stringify(JSON.parse(answer.ServiceConfig), null, 2)],
    ]),
  );
  return EXIT.done;
};
