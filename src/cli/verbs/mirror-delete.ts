import type { VerbRun } from "../verb.ts";
import { askedToWait, waitUntilSettled } from "../wait.ts";

export const run: VerbRun = async (session, [service], options) => {
  const wait = askedToWait(options);
  const path = await session.service(service!);
  const answer = await session.client.call("DeleteServiceMirror", { path });
  session.show(answer);
  session.ok(answer.Message);
  return waitUntilSettled(session, path, wait);
};
