import { createClient } from "../../api/client.ts";
import { EXIT, Misuse } from "../cli-io.ts";
import { asAddress, type ClientConfig, readConfig, writeConfig } from "../client-config.ts";
import { makeRequestId } from "../request-id.ts";
import { textOption, type VerbRun } from "../verb.ts";

/** Writes what was given over what the file has, and learns the region from the server, if it answers. */
export const run: VerbRun = async (session, _, options) => {
  const { endpoint, key } = session.options;
  const keyId = textOption(options, "keyId");
  if (endpoint === undefined && key === undefined && keyId === undefined) {
    throw new Misuse("say what to write: -e <address>, -k <key>, -i <key id>");
  }
  const path = session.configPath;
  const before: Partial<ClientConfig> = readConfig(path) ?? {};
  const address = endpoint === undefined ? before.address : asAddress(endpoint);
  const secret = key ?? before.key;
  if (address === undefined || secret === undefined)
    throw new Misuse(`${path} is new: give both -e <address> and -k <key>`);
  const client = createClient({ address, key: secret, makeRequestId });
  let region: string | undefined;
  try {
    region = (await client.call("DescribeRegions", {})).Regions[0]?.RegionId;
  } catch (error) {
    session.warn(
      `${(error as Error).message}. It was written nevertheless; its region will be asked for when it is needed`,
    );
  }
  const isSameServer = address === before.address;
  const config: ClientConfig = {
    address,
    ...(isSameServer && before.gateway !== undefined ? { gateway: before.gateway } : {}),
    ...(region === undefined ? {} : { region }),
    ...((keyId ?? before.keyId) === undefined ? {} : { keyId: (keyId ?? before.keyId)! }),
    key: secret,
  };
  writeConfig(path, config);
  session.ok(`Configuration was written to ${path}`);
  return EXIT.done;
};
