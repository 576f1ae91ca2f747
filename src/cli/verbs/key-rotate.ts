import { EXIT, Misuse } from "../cli-io.ts";
import { asAddress, readConfig, withPlace, writeConfig } from "../client-config.ts";
import { readSeconds } from "../duration.ts";
import { textOption, type VerbRun } from "../verb.ts";

/** `key rotate [key]`: the key of the profile in use unless told; the client's file goes on with the new secret where it has that key. */
export const run: VerbRun = async (session, [given], options) => {
  const { client, configPath } = session;
  const place = session.place();
  const id = given ?? place?.keyId;
  if (id === undefined) throw new Misuse(`say which key: ${configPath} has no "keyId"`);
  const grace = textOption(options, "grace");
  const answer = await client.call("RotateAccessKey", {
    path: { AccessKeyId: id },
    query: grace === undefined ? {} : { GraceSeconds: readSeconds(grace, "--grace") },
  });
  session.show(answer, () =>
    session.keys([
      ["AccessKeyId", answer.AccessKeyId],
      ["AccessKeySecret", answer.AccessKeySecret],
    ]),
  );
  session.ok(answer.Message);
  if (place?.keyId === id && asAddress(place.address) === client.address) {
    const config = readConfig(configPath) ?? {};
    const name = session.profileName(config.profile);
    writeConfig(configPath, withPlace(config, name, { ...place, key: answer.AccessKeySecret }));
    session.ok(`${configPath} has the new secret`);
  }
  return EXIT.done;
};
