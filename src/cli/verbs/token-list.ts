import type { Token } from "../../api/objects.ts";
import { EXIT } from "../cli-io.ts";
import type { VerbRun } from "../verb.ts";

export const run: VerbRun = async (session, [name], options) => {
  const answer =
    options.group === true
      ? await session.client.call("ListGroupTokens", {
          path: { ClusterId: await session.region(), GroupName: name! },
        })
      : await session.client.call("ListServiceTokens", { path: await session.service(name!) });
  session.show(answer, () =>
    session.list<Token>(
      [
        { header: "NUMBER", align: "right", cell: (t) => t.Number },
        { header: "TOKEN", cell: (t) => t.Token },
        { header: "NEWEST", cell: (t) => (t.IsNewest ? "yes" : "") },
        { header: "ADDTIME", cell: (t) => t.AddTime },
      ],
      answer.Tokens,
    ),
  );
  return EXIT.done;
};
