import { EXIT } from "../cli-io.ts";
import { readDocument } from "../document.ts";
import type { VerbRun } from "../verb.ts";
import { waitOptions, waitUntilRunning } from "../wait.ts";

export const run: VerbRun = async (session, [file], options) => {
  const wait = waitOptions(options);
  const { client } = session;
  const answer = await client.call("CreateService", {
    body: readDocument(file!, client.address, session.io),
  });
  const path = { ClusterId: answer.Region, ServiceName: answer.ServiceName };
  const { AccessToken } = session.isJson
    ? { AccessToken: "" }
    : await client.call("DescribeService", { path });
  session.show(answer, () =>
    session.keys([
      ["Internet Endpoint", answer.InternetEndpoint],
      ["Intranet Endpoint", answer.IntranetEndpoint],
      ["Token", AccessToken],
    ]),
  );
  session.warnOf(answer);
  session.ok("Service is now creating");
  return wait ? waitUntilRunning(session, path, { ...wait, generation: answer.Generation }) : EXIT.done;
};
