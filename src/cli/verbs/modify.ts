import { EXIT, Misuse } from "../cli-io.ts";
import { readAssignments, readDocument } from "../document.ts";
import { planText } from "../plan-text.ts";
import { listOption, textOption, type VerbRun } from "../verb.ts";
import { waitOptions, waitUntilRunning } from "../wait.ts";

export const run: VerbRun = async (session, [service], options) => {
  const wait = waitOptions(options);
  const assignments = listOption(options, "D");
  const file = textOption(options, "service");
  if ((file === undefined) === (assignments.length === 0)) {
    throw new Misuse("say what to change: either -Dpath=value, once or several times, or -s file");
  }
  const isReplacing = options.replace === true;
  if (isReplacing && file === undefined)
    throw new Misuse("--replace needs a whole service.json, with -s file");
  const { client } = session;
  const body =
    file === undefined ? readAssignments(assignments) : readDocument(file, client.address, session.io);
  const path = await session.service(service!);
  const query = { UpdateType: isReplacing ? ("replace" as const) : ("merge" as const) };
  if (options.plan === true) {
    const answer = await client.call("UpdateService", { path, query: { ...query, Plan: true }, body });
    session.show(answer, () => `${planText(session, answer.Plan!)}Nothing was changed.\n`);
    session.warnOf(answer);
    return EXIT.done;
  }
  const { Generation: before, Status } = await client.call("DescribeService", { path });
  const answer = await client.call("UpdateService", { path, query, body });
  session.show(answer);
  session.warnOf(answer);
  if (answer.Generation === before) {
    session.ok(`Service [${path.ServiceName}] is as it was: nothing changed`);
    return EXIT.done;
  }
  // A stopped service takes the change and stays stopped.
  if (!wait || Status === "Stopped" || Status === "Stopping") {
    session.ok(`Service [${path.ServiceName}] was updated`);
    return EXIT.done;
  }
  session.ok("Service is now updating");
  return waitUntilRunning(session, path, { ...wait, generation: answer.Generation });
};
