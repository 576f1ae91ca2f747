import { readSetting } from "../base/settings.ts";
import { hasPassword } from "./database.ts";
import { SERVE_SETTINGS, type ServeSettings } from "./settings.ts";

/**
 * The settings of `sluice serve` from its flags and the environment.
 * @throws Error for people, naming the setting
 */
export function readServeSettings(
  flag: (name: string) => string | undefined,
  env: NodeJS.ProcessEnv,
): ServeSettings {
  const of = <T>(setting: Parameters<typeof readSetting<T>>[0]) =>
    readSetting(setting, flag(setting.name), env);
  if (hasPassword(flag("store") ?? ""))
    throw new Error(
      "--store: everybody on the machine sees the password of a flag; give the address by SLUICE_STORE, or by a file: --store file:/path",
    );
  return {
    home: of(SERVE_SETTINGS.home),
    store: of<string | null>(SERVE_SETTINGS.store),
    host: of(SERVE_SETTINGS.host),
    port: of(SERVE_SETTINGS.port),
    tlsCert: of<string | null>(SERVE_SETTINGS.tlsCert),
    tlsKey: of<string | null>(SERVE_SETTINGS.tlsKey),
    tlsHost: of<string | null>(SERVE_SETTINGS.tlsHost),
    tlsPort: of(SERVE_SETTINGS.tlsPort),
    apiHost: of(SERVE_SETTINGS.apiHost),
    apiPort: of(SERVE_SETTINGS.apiPort),
    signatureWindow: of<number>(SERVE_SETTINGS.signatureWindow),
    gatewayWorkers: of(SERVE_SETTINGS.gatewayWorkers),
    region: of(SERVE_SETTINGS.region),
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
    logLevel: of(SERVE_SETTINGS.logLevel),
  };
}
