import { EXIT } from "../cli-io.ts";
import type { VerbRun } from "../verb.ts";
import { askedToWait, waitUntilGroupGone } from "../wait.ts";

export const run: VerbRun = async (session, [group], options) => {
  const wait = askedToWait(options);
  const path = { ClusterId: await session.region(), GroupName: group! };
  const isCascading = options.cascade === true;
  const what = isCascading ? `group [${group}] and all its services` : `group [${group}]`;
  if (!(await session.confirm(`Are you sure to delete the ${what} in [${path.ClusterId}]? [Y/n]`)))
    return session.declined();
  const answer = await session.client.call("DeleteGroup", { path, query: { CascadeDelete: isCascading } });
  session.show(answer);
  session.ok(answer.Message);
  return wait === null ? EXIT.done : waitUntilGroupGone(session, path, wait);
};
