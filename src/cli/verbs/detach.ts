import type { VerbRun } from "../verb.ts";
import { askedToWait, waitUntilSettled } from "../wait.ts";

export const run: VerbRun = async (session, [service, instance], options) => {
  const wait = askedToWait(options);
  const path = { ...(await session.service(service!)), InstanceName: instance! };
  const of = `service [${path.ServiceName}] in [${path.ClusterId}]`;
  const question = `Are you sure to detach the instance [${instance}] of ${of}? It gets no requests again. [Y/n]`;
  if (!(await session.confirm(question))) return session.declined();
  const answer = await session.client.call("UpdateServiceInstance", { path, body: { Detach: true } });
  session.show(answer);
  session.ok(answer.Message);
  return waitUntilSettled(session, path, wait);
};
