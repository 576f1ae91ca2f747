import { EXIT, Misuse } from "../cli-io.ts";
import { readSeconds } from "../duration.ts";
import { listOption, textOption, type VerbRun } from "../verb.ts";

export const run: VerbRun = async (session, _, options) => {
  const role = textOption(options, "role");
  if (role === undefined) throw new Misuse("say what it may do: --role viewer, operator or admin");
  const note = textOption(options, "note");
  const expires = textOption(options, "expires");
  const seconds = expires === undefined ? null : readSeconds(expires, "--expires");
  const groups = listOption(options, "group");
  const workspaces = listOption(options, "workspace");
  const answer = await session.client.call("CreateAccessKey", {
    body: {
      Role: role as "viewer" | "operator" | "admin",
      ...(note === undefined ? {} : { Note: note }),
      ...(groups.length === 0 ? {} : { Groups: [...groups] }),
      ...(workspaces.length === 0 ? {} : { Workspaces: [...workspaces] }),
      ...(seconds === null ? {} : { ExpireSeconds: seconds }),
    },
  });
  session.show(answer, () =>
    session.keys([
      ["AccessKeyId", answer.AccessKeyId],
      ["AccessKeySecret", answer.AccessKeySecret],
      ["Role", answer.Role],
    ]),
  );
  session.ok(answer.Message);
  return EXIT.done;
};
