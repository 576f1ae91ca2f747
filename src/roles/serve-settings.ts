import { environmentOnly, readSetting, type Setting } from "../base/settings.ts";
import { hasPassword } from "./database.ts";
import { homeLayout, SERVE_SETTINGS, type ServeSettings } from "./settings.ts";
import { NO_SETTINGS, readSettingsFile } from "./settings-file.ts";

/** What is wrong with the settings, all of it, for people. */
export class BadSettings extends Error {
  override readonly name = "BadSettings";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}

/**
 * The settings of `sluice serve`: a flag beats the environment, which beats the file of settings in the home, which beats the default.
 * @throws BadSettings with every problem, each naming the setting and where it was found
 */
export function readServeSettings(
  flag: (name: string) => string | undefined,
  env: NodeJS.ProcessEnv,
): ServeSettings {
  const problems: string[] = [];
  const attempt = <T>(read: () => T, otherwise: T): T => {
    try {
      return read();
    } catch (error) {
      problems.push((error as Error).message);
      return otherwise;
    }
  };
  const outside = { ...environmentOnly(env), flag };
  const home = attempt(() => readSetting<string>(SERVE_SETTINGS.home, outside), "");
  const fileName = homeLayout(home).settings;
  const read = home === "" ? NO_SETTINGS : readSettingsFile(fileName, FILE_SETTINGS);
  problems.push(...read.problems);
  const sources = { ...outside, file: read.values, fileName };
  const of = <T>(setting: Setting<T>) => attempt(() => readSetting(setting, sources), setting.defaultValue);
  if (hasPassword(flag("store") ?? ""))
    problems.push(
      "--store: everybody on the machine sees the password of a flag; give the address by SLUICE_STORE, or by a file: --store file:/path",
    );
  const settings = settingsOf(of, home);
  if (problems.length > 0) throw new BadSettings(problems);
  return settings;
}

/** All but the home: a file in it cannot say where it is. */
export const FILE_SETTINGS = Object.keys(SERVE_SETTINGS).filter((name) => name !== "home");

function settingsOf(of: <T>(setting: Setting<T>) => T, home: string): ServeSettings {
  return {
    home,
    store: of<string | null>(SERVE_SETTINGS.store),
    host: of<string>(SERVE_SETTINGS.host),
    port: of<number>(SERVE_SETTINGS.port),
    tlsCert: of<string | null>(SERVE_SETTINGS.tlsCert),
    tlsKey: of<string | null>(SERVE_SETTINGS.tlsKey),
    tlsHost: of<string | null>(SERVE_SETTINGS.tlsHost),
    tlsPort: of<number>(SERVE_SETTINGS.tlsPort),
    directHost: of<string>(SERVE_SETTINGS.directHost),
    apiHost: of<string>(SERVE_SETTINGS.apiHost),
    apiPort: of<number>(SERVE_SETTINGS.apiPort),
    signatureWindow: of<number>(SERVE_SETTINGS.signatureWindow),
    gatewayWorkers: of<number>(SERVE_SETTINGS.gatewayWorkers),
    region: of<string>(SERVE_SETTINGS.region),
    cgroups: of<string>(SERVE_SETTINGS.cgroups),
    instanceProcesses: of<number>(SERVE_SETTINGS.instanceProcesses),
    capacityCpu: of<number | null>(SERVE_SETTINGS.capacityCpu),
    capacityMemory: of<number | null>(SERVE_SETTINGS.capacityMemory),
    versionsKept: of<number>(SERVE_SETTINGS.versionsKept),
    modelsMb: of<number | null>(SERVE_SETTINGS.modelsMb),
    environmentsMb: of<number>(SERVE_SETTINGS.environmentsMb),
    preparedEnvironments: of<string | null>(SERVE_SETTINGS.preparedEnvironments),
    accessLog: of<number | null>(SERVE_SETTINGS.accessLog),
    accessLogQuery: of<boolean>(SERVE_SETTINGS.accessLogQuery),
    fromBackup: of<string | null>(SERVE_SETTINGS.fromBackup),
    logLevel: of<string>(SERVE_SETTINGS.logLevel),
  };
}
