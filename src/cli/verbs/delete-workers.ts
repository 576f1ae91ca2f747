import type { VerbRun } from "../verb.ts";
import { askedToWait, waitUntilSettled } from "../wait.ts";

export const run: VerbRun = async (session, [service, instances], options) => {
  const wait = askedToWait(options);
  const path = await session.service(service!);
  const of = `service [${path.ServiceName}] in [${path.ClusterId}]`;
  if (!(await session.confirm(`Are you sure to delete the instances [${instances}] of ${of}? [Y/n]`))) {
    return session.declined();
  }
  const answer = await session.client.call("DeleteServiceInstances", {
    path,
    query: { InstanceList: instances! },
  });
  session.show(answer);
  // The grammar is eascmd's own (eas-reference §2.1).
  session.ok(
    `Instance(s) [${instances}] for service [${path.ServiceName}] in region [${path.ClusterId}] was deleted successfully`,
  );
  return waitUntilSettled(session, path, wait);
};
