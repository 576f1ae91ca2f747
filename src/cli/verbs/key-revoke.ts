import { EXIT } from "../cli-io.ts";
import type { VerbRun } from "../verb.ts";

export const run: VerbRun = async (session, [id]) => {
  if (!(await session.confirm(`Confirmed to revoke access key [${id}] [Y/n]`))) return session.declined();
  const answer = await session.client.call("DeleteAccessKey", { path: { AccessKeyId: id! } });
  session.show(answer);
  session.ok(answer.Message);
  return EXIT.done;
};
