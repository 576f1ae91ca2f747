import { EXIT } from "../cli-io.ts";
import type { VerbRun } from "../verb.ts";

export const run: VerbRun = async (session) => {
  const answer = await session.client.call("ListAccessKeys", {});
  session.show(answer, () =>
    session.list<(typeof answer.AccessKeys)[number]>(
      [
        { header: "ACCESSKEYID", cell: (k) => k.AccessKeyId },
        { header: "ROLE", cell: (k) => k.Role },
        {
          header: "ONLY",
          cell: (k) => [...k.Groups, ...k.Workspaces.map((id) => `workspace ${id}`)].join(", "),
        },
        { header: "CREATETIME", cell: (k) => k.CreateTime },
        { header: "EXPIRETIME", cell: (k) => k.ExpireTime },
        { header: "OLDSECRETUNTIL", cell: (k) => k.OlderSecretUntil },
        { header: "NOTE", cell: (k) => k.Note },
      ],
      answer.AccessKeys,
    ),
  );
  return EXIT.done;
};
