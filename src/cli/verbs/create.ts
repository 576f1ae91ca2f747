import { showCreated } from "../created.ts";
import { readDocument } from "../document.ts";
import type { VerbRun } from "../verb.ts";
import { waitOptions } from "../wait.ts";

export const run: VerbRun = async (session, [file], options) => {
  const wait = waitOptions(options);
  const { client } = session;
  const answer = await client.call("CreateService", {
    body: readDocument(file!, client.address, session.io),
  });
  const path = { ClusterId: answer.Region, ServiceName: answer.ServiceName };
  return showCreated(session, path, answer, wait);
};
