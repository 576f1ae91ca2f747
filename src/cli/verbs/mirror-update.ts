import { Misuse } from "../cli-io.ts";
import { mirrorBody } from "../mirror-options.ts";
import type { VerbRun } from "../verb.ts";
import { askedToWait, waitUntilSettled } from "../wait.ts";

export const run: VerbRun = async (session, [service], options) => {
  const wait = askedToWait(options);
  const body = mirrorBody(options);
  if (Object.keys(body).length === 0) throw new Misuse("say what to change: --target, --ratio or --compare");
  const path = await session.service(service!);
  const answer = await session.client.call("UpdateServiceMirror", { path, body });
  session.show(answer);
  session.ok(answer.Message);
  return waitUntilSettled(session, path, wait);
};
