import { Misuse } from "../cli-io.ts";
import { mirrorBody } from "../mirror-options.ts";
import type { VerbRun } from "../verb.ts";
import { askedToWait, waitUntilSettled } from "../wait.ts";

export const run: VerbRun = async (session, [service], options) => {
  const wait = askedToWait(options);
  const { Ratio, Target, ...rest } = mirrorBody(options);
  if (Ratio === undefined || Target === undefined) throw new Misuse("say --target and --ratio");
  const path = await session.service(service!);
  const answer = await session.client.call("CreateServiceMirror", { path, body: { Ratio, Target, ...rest } });
  session.show(answer);
  session.ok(answer.Message);
  return waitUntilSettled(session, path, wait);
};
