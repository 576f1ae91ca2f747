import { EXIT, Misuse } from "../cli-io.ts";
import { placeOf, readConfig } from "../client-config.ts";
import { checkProfileName, writeProfile } from "../profile.ts";
import type { VerbRun } from "../verb.ts";

/** `config add <profile> -e <address> -k <key>`: another installation beside those that the file has. */
export const run: VerbRun = async (session, [given]) => {
  const name = checkProfileName(given!);
  const config = readConfig(session.configPath) ?? {};
  if (placeOf(config, name) !== null)
    throw new Misuse(
      `${session.configPath} has a profile ${name}; change it with: sluice --profile ${name} config`,
    );
  await writeProfile(session, config, name);
  session.tell({ File: session.configPath, Profile: name }, () => "");
  session.ok(`Profile ${name} was written to ${session.configPath}; use it with: sluice config use ${name}`);
  return EXIT.done;
};
