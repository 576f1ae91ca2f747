import { commandAndWait } from "../command.ts";
import type { VerbRun } from "../verb.ts";

export const run: VerbRun = (session, [service, instances], options) =>
  commandAndWait(session, service!, options, "running", (path) =>
    session.client.call("DeleteServiceInstances", {
      path,
      query: { InstanceList: instances!, SoftRestart: true },
    }),
  );
