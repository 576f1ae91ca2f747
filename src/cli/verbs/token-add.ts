import { EXIT } from "../cli-io.ts";
import type { VerbRun } from "../verb.ts";

export const run: VerbRun = async (session, [name], options) => {
  const answer =
    options.group === true
      ? await session.client.call("CreateGroupToken", {
          path: { ClusterId: await session.region(), GroupName: name! },
        })
      : await session.client.call("CreateServiceToken", { path: await session.service(name!) });
  session.show(answer, () =>
    session.keys([
      ["Number", answer.Number],
      ["Token", answer.Token],
    ]),
  );
  session.ok(answer.Message);
  return EXIT.done;
};
