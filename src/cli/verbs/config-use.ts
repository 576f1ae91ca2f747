import { EXIT, Failure } from "../cli-io.ts";
import { DEFAULT_PROFILE, placeOf, profilesOf, readConfig, writeConfig } from "../client-config.ts";
import type { VerbRun } from "../verb.ts";

/** From now on a profile is the one in use, where neither `--profile` nor SLUICE_PROFILE names another. */
export const run: VerbRun = async (session, [name]) => {
  const config = readConfig(session.configPath) ?? {};
  if (placeOf(config, name!) === null) {
    const known = profilesOf(config).map((p) => p.name);
    throw new Failure(`${session.configPath} has no profile ${name}; it has ${known.join(", ") || "none"}`);
  }
  const { profile: _, ...rest } = config;
  writeConfig(session.configPath, name === DEFAULT_PROFILE ? rest : { ...rest, profile: name! });
  session.tell({ File: session.configPath, Profile: name }, () => "");
  session.ok(`Profile ${name} is in use`);
  return EXIT.done;
};
