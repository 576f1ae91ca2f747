import { createClient } from "../api/client.ts";
import { EXIT, type ExitCode, Misuse } from "./cli-io.ts";
import {
  asAddress,
  type ClientConfig,
  type Place,
  placeOf,
  withPlace,
  writeConfig,
} from "./client-config.ts";
import type { Session } from "./session.ts";

/** Names of profiles: they stand in a shell, in a table, and in `SLUICE_PROFILE`. */
export function checkProfileName(name: string): string {
  if (/^[\w.-]{1,64}$/.test(name)) return name;
  throw new Misuse(`${JSON.stringify(name)}: letters, digits, - _ and ., 1 to 64 of them`);
}

/**
 * Writes one profile: what `-e`, `-k` and `-i` say over what it has, and the region that the server tells, if it answers.
 * @throws Misuse when it is new and misses something
 */
export async function writeProfile(session: Session, config: ClientConfig, name: string): Promise<ExitCode> {
  const { endpoint, key, keyId: givenId } = session.options;
  const path = session.configPath;
  const before: Partial<Place> = placeOf(config, name) ?? {};
  const address = endpoint === undefined ? before.address : asAddress(endpoint);
  const secret = key ?? before.key;
  if (address === undefined || secret === undefined)
    throw new Misuse(`profile ${name} of ${path} is new: give both -e <address> and -k <key>`);
  const region = await regionOf(session, address, secret);
  const isSameServer = address === before.address;
  // An id belongs to its key.
  const keyId = givenId ?? (secret === before.key ? before.keyId : undefined);
  const place: Place = {
    address,
    ...(isSameServer && before.gateway !== undefined ? { gateway: before.gateway } : {}),
    ...(region === undefined ? {} : { region }),
    ...(keyId === undefined ? {} : { keyId }),
    key: secret,
  };
  writeConfig(path, withPlace(config, name, place));
  return EXIT.done;
}

async function regionOf(session: Session, address: string, key: string): Promise<string | undefined> {
  try {
    const { Regions } = await createClient({ address, key }).call("DescribeRegions", {});
    return Regions[0]?.RegionId;
  } catch (error) {
    session.warn(
      `${(error as Error).message}. It was written nevertheless; its region will be asked for when it is needed`,
    );
    return undefined;
  }
}

/** Enough of a key to tell two apart, and too little to use: `5f0c…`. */
export const maskedKey = (key: string): string => (key.length < 12 ? "…" : `${key.slice(0, 4)}…`);
