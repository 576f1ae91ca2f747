import { EXIT } from "../cli-io.ts";
import type { VerbRun } from "../verb.ts";

export const run: VerbRun = async (session, [service]) => {
  const answer = await session.client.call("DeleteServiceMirror", { path: await session.service(service!) });
  session.show(answer);
  session.ok(answer.Message);
  return EXIT.done;
};
