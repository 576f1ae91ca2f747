import { EXIT } from "../cli-io.ts";
import type { VerbRun } from "../verb.ts";

export const run: VerbRun = async (session, [begin]) => {
  const { Environments, Builds } = await session.client.call("ListEnvironments", {});
  const found = new Set([...Environments, ...Builds].map((e) => e.EnvironmentId));
  const matching = [...found].filter((id) => id.startsWith(begin!));
  // None: the answer of the API says so. Several: it says which name is unknown, and nothing is removed.
  const EnvironmentId = matching.length === 1 ? matching[0]! : begin!;
  const answer = await session.client.call("DeleteEnvironment", { path: { EnvironmentId } });
  session.show(answer);
  session.ok(`Environment ${EnvironmentId.slice(0, 12)} is removed`);
  return EXIT.done;
};
