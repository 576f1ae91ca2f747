import { commandAndWait } from "../command.ts";
import type { VerbRun } from "../verb.ts";

export const run: VerbRun = async (session, [service], options) => {
  const { ServiceName, ClusterId } = await session.service(service!);
  if (
    !(await session.confirm(`Are you sure to stop the service [${ServiceName}] in [${ClusterId}]? [Y/n]`))
  ) {
    return session.declined();
  }
  return commandAndWait(session, service!, options, "stopped", (path) =>
    session.client.call("StopService", { path }),
  );
};
