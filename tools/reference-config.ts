/** Writes docs/reference/config.md from the code: settings, variables, files, limits. `node tools/reference-config.ts` */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { envOf, flagOf } from "../src/base/settings.ts";
import type { ClientConfig } from "../src/cli/client-config.ts";
import { ENGINE_LIMITS } from "../src/engine/limits.ts";
import { STORE_VARIABLES } from "../src/roles/object-stores.ts";
import { FILE_SETTINGS } from "../src/roles/serve-settings.ts";
import { type AnySetting, SERVE_SETTINGS } from "../src/roles/settings.ts";
import { SERVER_LIMITS } from "../src/server/deps.ts";
import { HOME_FILES } from "./home-files.ts";
import { type Limit, limits, objectLimits } from "./limits.ts";

export const CONFIG_PAGE = join(import.meta.dirname, "..", "docs", "reference", "config.md");

/** Variables of the environment that are no settings of sluice serve, each with who reads it and what it does. */
export const VARIABLES: Readonly<Record<string, string>> = {
  SLUICE_HOME: "`serve`, `test` and every other verb: the home; the CLI reads `config.json` there",
  SLUICE_PYTHON: "`serve`, `test`: the interpreter of Python processors; `python3` unless set",
  SLUICE_JAVA: "`serve`, `test`: the interpreter of Java processors; `java` unless set",
  SLUICE_STORE: "`serve`: the setting `store` above; the place for an address with a password",
  SLUICE_KEY: "CLI: secret of the access key, in place of `-k`",
  SLUICE_COMPLETION_MS: "shell completion: how long it may ask the API for names, in ms",
  SLUICE_PROFILE: "CLI: the profile to use, in place of `--profile`",
  PGPASSWORD: "`serve`: password of the database when its address has none; instances do not get it",
  NO_COLOR: "CLI: set to anything, no colours",
  NODE_COMPILE_CACHE: "`bin/sluice` sets it: where Node keeps compiled sources; instances get it too",
  PATH: "where `python3`, `java`, `git` and the commands of services are found",
  PORT: "given to a server of the user's own: the port to listen on; `SLUICE_PORT` is the same",
  SLUICE_PORT: "given to a server of the user's own: the port to listen on",
  SLUICE_SERVICE: "given to instances: the name of the service",
  SLUICE_INSTANCE: "given to instances: the name of the instance",
  SLUICE_WORKER_SOCKET: "given to processor workers: the socket of their engine",
  SLUICE_WORKER_INDEX: "given to processor workers: their place among those of an instance, from 0",
};

/** What each part of config.json is. */
const CLIENT_FIELDS: { readonly [F in keyof Required<ClientConfig>]: string } = {
  address: "address of the control API, e.g. `http://127.0.0.1:8081`",
  key: "secret of the access key",
  keyId: "id of the access key; signed requests name it",
  region: "region of the installation; asked for when it is not there",
  gateway: "address of the gateway",
  profile: "name of the profile in use; `default`, which is what stands beside it, unless it is there",
  profiles: "further installations by name, each with the fields above",
};

const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ");
const row = (...cells: readonly string[]) => `| ${cells.map(cell).join(" | ")} |`;
const table = (head: readonly string[], rows: readonly string[]) =>
  [row(...head), row(...head.map(() => "---")), ...rows].join("\n");

/** Limits of every kind, in the order of the page. */
export const allLimits = (): Limit[] => [
  ...objectLimits("src/server/deps.ts", { ...SERVER_LIMITS }),
  ...objectLimits("src/engine/limits.ts", { ...ENGINE_LIMITS }),
  ...limits(),
];

const PARTS: Readonly<Record<string, string>> = {
  server: "Control API",
  gateway: "Gateway",
  engine: "Engine of an instance",
  http1: "HTTP/1.1, of the gateway and the engine",
  control: "Control process",
  core: "Rules",
  adapters: "Store, processes, models, environments",
  api: "Control API and its client",
  base: "Everywhere",
  cli: "CLI",
  roles: "Start",
};

function limitSections(): string {
  const byPart = Map.groupBy(allLimits(), ({ file }) => file.split("/")[1]!);
  return Object.entries(PARTS)
    .filter(([part]) => byPart.has(part))
    .map(([part, title]) => {
      const rows = byPart
        .get(part)!
        .map(({ name, value, reason, file }) =>
          row(`\`${name}\``, `\`${value}\``, reason, `\`${file.slice("src/".length)}\``),
        );
      return `### ${title}\n\n${table(["Limit", "Value", "Reason", "Where"], rows)}\n`;
    })
    .join("\n");
}

/** The page as it should be. */
export function configPage(): string {
  const settings = Object.values<AnySetting>(SERVE_SETTINGS).map((s) =>
    row(
      `\`${flagOf(s.name)}\``,
      `\`${envOf(s.name)}\``,
      FILE_SETTINGS.includes(s.name) ? `\`${s.name}\`` : "",
      s.defaultText ?? `\`${s.defaultValue}\``,
      s.text,
    ),
  );
  const stores = Object.entries(STORE_VARIABLES).flatMap(([kind, { regionDefault, ...names }]) =>
    Object.values(names)
      .flat()
      .map((name) => row(`\`${name}\``, `\`serve\`, \`test\`: object stores of kind \`${kind}\``)),
  );
  const variables = Object.entries(VARIABLES).map(([name, text]) => row(`\`${name}\``, text));
  const files = HOME_FILES.map(({ path, text }) => row(`\`${path}\``, text));
  const client = Object.entries(CLIENT_FIELDS).map(([name, text]) => row(`\`${name}\``, text));
  return `# Configuration

Written from the code by \`tools/reference-config.ts\`. What changes while Sluice runs (services, groups, weights) is no setting: it is in
the store.

## Settings of \`sluice serve\`

A flag beats the environment, the environment beats the file, the file beats the default. The file is \`sluice.json\` in the home, read at
the start; it need not be there. It is one JSON object with the names of the third column: texts, numbers, true and false for \`on\` and \`off\`.
Everything that is wrong, in all three places, is said at once, and nothing is started.

    {"port": 80, "host": "0.0.0.0", "gatewayWorkers": 4, "accessLog": 0.01}

${table(["Flag", "Environment", "File", "Default", "Meaning"], settings)}

A gateway worker and an engine have no settings of their own: the control process gives them what they need, the gateway's in its
command and its route table, the engine's in the instance's folder, from the service's service.json.

## Variables

Beside those above:

${table(["Variable", "Meaning"], [...variables, ...stores])}

Instances inherit the environment of the control process that starts them.

## The CLI's file

\`config.json\` in the home, or what \`-c\` names; mode 0600. \`sluice config\` writes it, and \`sluice serve\` does at its first start. Options beat it:
\`-e\` the address, \`-k\` the key.

${table(["Name", "Meaning"], client)}

## Files of the home

${table(["Path", "What it is"], files)}

## Limits

Each limit that keeps something bounded, with its reason. They are constants: what has to differ between installations is a setting, and
what has to differ between services is a field of [service.json](service-json.md). Sizes are in bytes and times in ms unless the name says otherwise.

${limitSections()}`;
}

if (import.meta.main) writeFileSync(CONFIG_PAGE, configPage());
