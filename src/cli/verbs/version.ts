import { Misuse } from "../cli-io.ts";
import { commandAndWait } from "../command.ts";
import type { VerbRun } from "../verb.ts";

export const run: VerbRun = async (session, [service, version], options) => {
  if (!/^[1-9]\d{0,8}$/.test(version!))
    throw new Misuse(`version ${version}: a whole number from 1; see: sluice versions ${service}`);
  return commandAndWait(session, service!, options, "running", (path) =>
    session.client.call("UpdateServiceVersion", { path, body: { Version: Number(version) } }),
  );
};
