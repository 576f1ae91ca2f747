import { EXIT, Failure } from "../cli-io.ts";
import { placeOf, readConfig } from "../client-config.ts";
import { maskedKey } from "../profile.ts";
import type { VerbRun } from "../verb.ts";

/** One profile, the one in use unless told, with its key masked. It asks no server. */
export const run: VerbRun = async (session, [given]) => {
  const config = readConfig(session.configPath) ?? {};
  const name = given ?? session.profileName(config.profile);
  const place = placeOf(config, name);
  if (place === null) throw new Failure(`${session.configPath} has no profile ${name}`);
  const shown = {
    File: session.configPath,
    Profile: name,
    Address: place.address,
    Gateway: place.gateway ?? "",
    Region: place.region ?? "",
    KeyId: place.keyId ?? "",
    Key: maskedKey(place.key),
  };
  session.tell(shown, () => session.keys(Object.entries(shown)));
  return EXIT.done;
};
