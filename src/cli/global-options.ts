import type { VerbOption } from "./verb.ts";

/** Options that stand before or after every verb; those of eascmd among them (eas-reference §2.0). */
export const GLOBAL_OPTIONS: readonly VerbOption[] = [
  { flags: "-c, --config <file>", text: "client's file; config.json in SLUICE_HOME unless told" },
  { flags: "--profile <name>", text: "another installation of the client's file, see: sluice config ls" },
  { flags: "-e, --endpoint <address>", text: "address of the control API, instead of the file's" },
  {
    flags: "-i, --key-id <id>",
    text: "id of the access key, for config; a caller is known by the key alone",
  },
  {
    flags: "-k, --key <key>",
    text: "access key, instead of the file's; - reads it from standard input, @file from a file",
  },
  { flags: "-t, --sts-token <token>", text: "accepted as eascmd has it; without effect" },
  { flags: "--output <format>", text: "json: answers of the API as they are", choices: ["table", "json"] },
  { flags: "-y, --yes", text: "do not ask" },
];

/** First words that several verbs share. */
export const PARENTS: Readonly<Record<string, string>> = {
  label: "labels of services",
  group: "groups of services that share one address",
  cache: "models and processor packages that are kept on the machine",
  env: "Python environments that are kept on the machine",
  processor: "processors of your own",
  gateways: "the gateway workers of this installation",
  key: "access keys of the control API, with roles",
  token: "tokens that open a service or a group, several at once",
  mirror: "copies of a service's requests for other services",
};
