import { EXIT, Misuse } from "../cli-io.ts";
import { profilesOf, readConfig, withPlace, writeConfig } from "../client-config.ts";
import { readSeconds } from "../duration.ts";
import { keyTable } from "../table.ts";
import { textOption, type VerbRun } from "../verb.ts";

export const run: VerbRun = async (session, [given], options) => {
  const id = given ?? session.options.keyId ?? session.place()?.keyId;
  if (id === undefined)
    throw new Misuse(`say which key: the profile in use of ${session.configPath} has no "keyId"`);
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
  // Read now: a server of this home has written its own key there by itself.
  const config = readConfig(session.configPath) ?? {};
  const own = profilesOf(config).filter(({ place }) => place.keyId === id);
  if (own.length > 0) {
    const key = answer.AccessKeySecret;
    writeConfig(
      session.configPath,
      own.reduce((all, { name, place }) => withPlace(all, name, { ...place, key }), config),
    );
    session.ok(`${session.configPath} has the new secret`);
  }
  return EXIT.done;
};
