import { EXIT } from "../cli-io.ts";
import { profilesOf, readConfig } from "../client-config.ts";
import { maskedKey } from "../profile.ts";
import type { VerbRun } from "../verb.ts";

/** The profiles of the client's file. It asks no server. */
export const run: VerbRun = async (session) => {
  const config = readConfig(session.configPath) ?? {};
  const used = session.profileName(config.profile);
  const profiles = profilesOf(config).map(({ name, place }) => ({
    Name: name,
    IsUsed: name === used,
    Address: place.address,
    Region: place.region ?? "",
    KeyId: place.keyId ?? "",
    Key: maskedKey(place.key),
  }));
  session.tell({ File: session.configPath, Profiles: profiles }, () =>
    session.list<(typeof profiles)[number]>(
      [
        { header: "PROFILE", cell: (p) => p.Name },
        { header: "USED", cell: (p) => (p.IsUsed ? "yes" : "") },
        { header: "ADDRESS", cell: (p) => p.Address },
        { header: "REGION", cell: (p) => p.Region },
        { header: "KEYID", cell: (p) => p.KeyId },
        { header: "KEY", cell: (p) => p.Key },
      ],
      profiles,
    ),
  );
  return EXIT.done;
};
