import { EXIT, Misuse } from "../cli-io.ts";
import type { VerbRun } from "../verb.ts";

export const run: VerbRun = async (session, [service, names]) => {
  const Keys = names!
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  if (Keys.length === 0) throw new Misuse("say which: names of labels, parted by commas");
  const path = await session.service(service!);
  const answer = await session.client.call("DeleteServiceLabel", { path, query: { Keys } });
  session.show(answer);
  session.ok(answer.Message);
  return EXIT.done;
};
