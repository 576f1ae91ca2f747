import { EXIT, Misuse } from "../cli-io.ts";
import type { VerbRun } from "../verb.ts";

const LOCKS = ["all", "dangerous", "none"] as const;

export const run: VerbRun = async (session, [service, lock]) => {
  const Lock = LOCKS.find((l) => l === lock);
  if (Lock === undefined) throw new Misuse(`${lock}: one of ${LOCKS.join(", ")}`);
  const path = await session.service(service!);
  const answer = await session.client.call("UpdateServiceSafetyLock", { path, body: { Lock } });
  session.show(answer);
  session.ok(answer.Message);
  return EXIT.done;
};
