import { EXIT } from "../cli-io.ts";
import type { VerbRun } from "../verb.ts";

export const run: VerbRun = async (session, [begin]) => {
  const { Contents } = await session.client.call("ListCachedFiles", {});
  const found = Contents.filter((c) => c.ContentId.startsWith(begin!));
  // None: the answer of the API says so. Several: it says which name is unknown, and nothing is removed.
  const ContentId = found.length === 1 ? found[0]!.ContentId : begin!;
  const answer = await session.client.call("DeleteCachedFile", { path: { ContentId } });
  session.show(answer);
  session.ok(`Content ${ContentId.slice(0, 12)} is removed`);
  return EXIT.done;
};
