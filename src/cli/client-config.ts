import { readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { writeFileAtomicSync } from "../base/atomic-file.ts";
import { type CliIo, Failure } from "./cli-io.ts";

/** Where one control API is and what opens it. */
export interface Place {
  /** Address of the control API, e.g. `http://127.0.0.1:8081`. */
  readonly address: string;
  /** Access key secret. */
  readonly key: string;
  /** Id of the access key, as `eascmd config -i` takes it; the server knows callers by the secret alone. */
  readonly keyId?: string;
  readonly region?: string;
  /** Address of the gateway. */
  readonly gateway?: string;
}

/**
 * `config.json` in the home folder. Its first level is the profile `default`, which the server writes at its first start and
 * which was all there was before profiles; a file that has only those need not have it.
 */
export interface ClientConfig extends Partial<Place> {
  /** Name of the profile in use; absent: `default`. */
  readonly profile?: string;
  /** Further installations, by name. */
  readonly profiles?: Readonly<Record<string, Place>>;
}

/** The profile that the first level of the file is. */
export const DEFAULT_PROFILE = "default";

/** `-c`, else `config.json` in `SLUICE_HOME`, else in `~/.sluice`. */
export function configPath(file: string | undefined, io: Pick<CliIo, "env" | "cwd" | "homeDir">): string {
  if (file !== undefined) return resolve(io.cwd, file);
  const home = io.env.SLUICE_HOME || join(io.homeDir, ".sluice");
  return join(resolve(io.cwd, home), "config.json");
}

/**
 * The file's content; null when there is no file.
 * @throws Failure naming the file when it is something else
 */
export function readConfig(path: string): ClientConfig | null {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw new Failure(`cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Failure(`${path} is not JSON: ${(error as Error).message}`, { cause: error });
  }
  const config = value as ClientConfig | null;
  const hasProfiles = isMap(config?.profiles) && Object.values(config.profiles).every(isPlace);
  if (isPlace(config) || (hasProfiles && config?.address === undefined && config?.key === undefined))
    return config as ClientConfig;
  throw new Failure(`${path} has no "address" and "key"; write it with: sluice config -k <key> -e <address>`);
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isPlace = (value: unknown): value is Place =>
  isMap(value) && typeof value.address === "string" && typeof value.key === "string";

/** One profile of the file; null when it has none of that name. */
export function placeOf(config: ClientConfig, name: string): Place | null {
  if (name === DEFAULT_PROFILE) return isPlace(config) ? config : null;
  const { profiles } = config;
  return profiles !== undefined && Object.hasOwn(profiles, name) ? profiles[name]! : null;
}

/** All profiles of the file, in the order of their names, `default` first. */
export function profilesOf(config: ClientConfig): { readonly name: string; readonly place: Place }[] {
  const names = [DEFAULT_PROFILE, ...Object.keys(config.profiles ?? {}).toSorted()];
  return names.flatMap((name) => {
    const place = placeOf(config, name);
    return place === null ? [] : [{ name, place }];
  });
}

/** The file with another place under one name. */
export function withPlace(config: ClientConfig, name: string, place: Place): ClientConfig {
  if (name === DEFAULT_PROFILE) return { ...place, ...othersOf(config) };
  return { ...config, profiles: { ...config.profiles, [name]: place } };
}

/** The file without one of its profiles; the default one is in use again when it was that one. */
export function withoutPlace(config: ClientConfig, name: string): ClientConfig {
  if (name === DEFAULT_PROFILE) return othersOf(config);
  const { profile, profiles, ...first } = config;
  const { [name]: _, ...rest } = profiles ?? {};
  return {
    ...first,
    ...(profile === undefined || profile === name ? {} : { profile }),
    ...(Object.keys(rest).length === 0 ? {} : { profiles: rest }),
  };
}

/** What the file says beside its default profile. */
const othersOf = ({ profile, profiles }: ClientConfig): ClientConfig => ({
  ...(profile === undefined ? {} : { profile }),
  ...(profiles === undefined ? {} : { profiles }),
});

/** Others than its owner may read the file, which holds a key. */
export function isOpenToOthers(path: string): boolean {
  try {
    return (statSync(path).mode & 0o077) !== 0;
  } catch {
    return false;
  }
}

/** Readable by its owner only, for it holds the key. */
export function writeConfig(path: string, config: ClientConfig): void {
  try {
    writeFileAtomicSync(path, `${JSON.stringify(config, null, 2)}\n`, 0o600);
  } catch (error) {
    throw new Failure(`cannot write ${path}: ${(error as Error).message}`, { cause: error });
  }
}

/** `127.0.0.1:8081` and `http://127.0.0.1:8081/` are the same place. */
export function asAddress(text: string): string {
  const address = /^[a-z]+:\/\//i.test(text) ? text : `http://${text}`;
  try {
    return new URL(address).origin;
  } catch (error) {
    throw new Failure(`${JSON.stringify(text)} is not an address; write host:port or a URL`, {
      cause: error,
    });
  }
}
