import type { VerbRun } from "../verb.ts";
import { askedToWait, waitUntilSettled } from "../wait.ts";

/** `isolate <service> <instance> [--off]` */
export const run: VerbRun = async (session, [service, instance], options) => {
  const wait = askedToWait(options);
  const path = { ...(await session.service(service!)), InstanceName: instance! };
  const body = { Isolate: options.off !== true };
  const answer = await session.client.call("UpdateServiceInstance", { path, body });
  session.show(answer);
  session.ok(answer.Message);
  return waitUntilSettled(session, path, wait);
};
