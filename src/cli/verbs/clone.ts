import { EXIT } from "../cli-io.ts";
import { readAssignments } from "../document.ts";
import { readLabels } from "../labels.ts";
import { keyTable } from "../table.ts";
import { listOption, type VerbRun } from "../verb.ts";
import { waitOptions, waitUntilRunning } from "../wait.ts";

export const run: VerbRun = async (session, [service, name], options) => {
  const wait = waitOptions(options);
  const labels = listOption(options, "label");
  const body = { ...readAssignments(listOption(options, "D")), "metadata.name": name! };
  const path = await session.service(service!);
  const query = labels.length === 0 ? {} : { Labels: readLabels(labels) };
  const answer = await session.client.call("CloneService", { path, query, body });
  const own = { ...path, ServiceName: answer.ServiceName };
  const { AccessToken } = session.isJson
    ? { AccessToken: "" }
    : await session.client.call("DescribeService", { path: own });
  session.show(answer, () =>
    keyTable([
      ["Internet Endpoint", answer.InternetEndpoint],
      ["Intranet Endpoint", answer.IntranetEndpoint],
      ["Token", AccessToken],
    ]),
  );
  session.warnOf(answer);
  session.ok("Service is now creating");
  return wait ? waitUntilRunning(session, own, { ...wait, generation: answer.Generation }) : EXIT.done;
};
