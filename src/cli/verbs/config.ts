import { EXIT, Misuse } from "../cli-io.ts";
import { readConfig } from "../client-config.ts";
import { checkProfileName, writeProfile } from "../profile.ts";
import type { VerbRun } from "../verb.ts";

/** `config -i <id> -k <key> -e <address>`: writes what was given over what the profile in use has. */
export const run: VerbRun = async (session) => {
  const { endpoint, key, keyId } = session.options;
  if (endpoint === undefined && key === undefined && keyId === undefined) {
    throw new Misuse("say what to write: -e <address>, -k <key>, -i <key id>; to look: sluice config show");
  }
  const config = readConfig(session.configPath) ?? {};
  const name = checkProfileName(session.profileName(config.profile));
  await writeProfile(session, config, name);
  session.tell({ File: session.configPath, Profile: name }, () => "");
  session.ok(`Configuration was written to ${session.configPath}`);
  return EXIT.done;
};
