import { EXIT, Misuse } from "../cli-io.ts";
import { readConfig, writeConfig } from "../client-config.ts";
import { readSeconds } from "../duration.ts";
import { keyTable } from "../table.ts";
import { textOption, type VerbRun } from "../verb.ts";

export const run: VerbRun = async (session, [given], options) => {
  const config = readConfig(session.configPath);
  const id = given ?? config?.keyId;
  if (id === undefined) throw new Misuse(`say which key: ${session.configPath} has no "keyId"`);
  const grace = textOption(options, "grace");
  const answer = await session.client.call("RotateAccessKey", {
    path: { AccessKeyId: id },
    query: grace === undefined ? {} : { GraceSeconds: readSeconds(grace, "--grace") },
  });
  session.show(answer, () =>
    keyTable([
      ["AccessKeyId", answer.AccessKeyId],
      ["AccessKeySecret", answer.AccessKeySecret],
    ]),
  );
  session.ok(answer.Message);
  if (config?.keyId === id) {
    writeConfig(session.configPath, { ...config, key: answer.AccessKeySecret });
    session.ok(`${session.configPath} has the new secret`);
  }
  return EXIT.done;
};
