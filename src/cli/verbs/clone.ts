import { showCreated } from "../created.ts";
import { readAssignments } from "../document.ts";
import { readLabels } from "../labels.ts";
import { listOption, type VerbRun } from "../verb.ts";
import { waitOptions } from "../wait.ts";

export const run: VerbRun = async (session, [service, name], options) => {
  const wait = waitOptions(options);
  const labels = listOption(options, "label");
  const body = { ...readAssignments(listOption(options, "D")), "metadata.name": name! };
  const path = await session.service(service!);
  const query = labels.length === 0 ? {} : { Labels: readLabels(labels) };
  const answer = await session.client.call("CloneService", { path, query, body });
  return showCreated(session, { ...path, ServiceName: answer.ServiceName }, answer, wait);
};
