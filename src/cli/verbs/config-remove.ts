import { EXIT, Failure } from "../cli-io.ts";
import { placeOf, readConfig, withoutPlace, writeConfig } from "../client-config.ts";
import type { VerbRun } from "../verb.ts";

/** Forgets a profile and its key. */
export const run: VerbRun = async (session, [name]) => {
  const config = readConfig(session.configPath) ?? {};
  if (placeOf(config, name!) === null) throw new Failure(`${session.configPath} has no profile ${name}`);
  if (!(await session.confirm(`Are you sure to remove the profile [${name}] and its key? [Y/n]`)))
    return session.declined();
  writeConfig(session.configPath, withoutPlace(config, name!));
  session.tell({ File: session.configPath, Profile: name }, () => "");
  session.ok(`Profile ${name} was removed`);
  return EXIT.done;
};
