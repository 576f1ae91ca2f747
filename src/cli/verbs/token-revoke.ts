import { EXIT } from "../cli-io.ts";
import type { VerbRun } from "../verb.ts";

export const run: VerbRun = async (session, [name, number], options) => {
  const owner = options.group === true ? "group" : "service";
  if (!(await session.confirm(`Confirmed to revoke token ${number} of ${owner} [${name}] [Y/n]`)))
    return session.declined();
  const answer =
    options.group === true
      ? await session.client.call("DeleteGroupToken", {
          path: { ClusterId: await session.region(), GroupName: name!, TokenNumber: number! },
        })
      : await session.client.call("DeleteServiceToken", {
          path: { ...(await session.service(name!)), TokenNumber: number! },
        });
  session.show(answer);
  session.ok(answer.Message);
  return EXIT.done;
};
