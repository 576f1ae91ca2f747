import { existsSync, readFileSync } from "node:fs";
import { writeFileAtomicSync } from "../base/atomic-file.ts";
import type { Random } from "../ports/random.ts";
import type { OwnKey, OwnKeyFile } from "../server/keyring.ts";

/** What the CLI reads: `config.json` in the home folder (docs/reference/cli.md). */
export interface ClientConfig {
  readonly address: string;
  readonly gateway: string;
  readonly region: string;
  readonly keyId: string;
  readonly key: string;
}

/** 24 bytes of chance: out of reach of guessing, short enough to paste. */
const SECRET_BYTES = 24;

/** The file of the installation's own access key, read once and written on each rotation. Mode 0600. */
export class AccessKeyFile implements OwnKeyFile {
  readonly #path: string;
  readonly #clientConfig: string;
  #key: OwnKey;

  /**
   * Makes the key at the first start. `clientConfig`: the client's file of this home, which follows a rotation.
   * @throws Error naming the file when it holds something else
   */
  constructor(path: string, clientConfig: string, random: Random) {
    this.#path = path;
    this.#clientConfig = clientConfig;
    if (existsSync(path)) this.#key = parseKey(path, readFileSync(path, "utf8"));
    else {
      this.#key = { id: `sluice-${random.hex(4)}`, secret: random.hex(SECRET_BYTES), older: null };
      this.#write();
    }
  }

  read(): OwnKey {
    return this.#key;
  }

  rotate(secret: string, olderUntilMs: number | null): void {
    const before = this.#key;
    const older = olderUntilMs === null ? null : { secret: before.secret, validUntilMs: olderUntilMs };
    this.#key = { id: before.id, secret, older };
    try {
      this.#write();
    } catch (error) {
      this.#key = before; // what is on the disk counts after a restart
      throw error;
    }
    this.#tellClient(before.secret);
  }

  #write(): void {
    const { id, secret, older } = this.#key;
    const kept = older === null ? { id, secret } : { id, secret, older };
    writeFileAtomicSync(this.#path, `${JSON.stringify(kept, null, 2)}\n`, 0o600);
  }

  /** The CLI on this machine goes on working; a file that speaks of another Sluice is left alone. */
  #tellClient(secretBefore: string): void {
    try {
      const config = JSON.parse(readFileSync(this.#clientConfig, "utf8")) as Profiles;
      const follow = <P extends Partial<ClientConfig>>(place: P): P =>
        place.key === secretBefore ? { ...place, key: this.#key.secret } : place;
      const { profiles } = config;
      const followed =
        profiles === undefined
          ? follow(config)
          : {
              ...follow(config),
              profiles: Object.fromEntries(Object.entries(profiles).map(([name, p]) => [name, follow(p)])),
            };
      const text = JSON.stringify(followed, null, 2);
      if (text !== JSON.stringify(config, null, 2))
        writeFileAtomicSync(this.#clientConfig, `${text}\n`, 0o600);
    } catch {
      // Not there, or not ours to mend. The next start writes the default profile.
    }
  }
}

/** The file as the CLI may have written it: this place is its profile `default`, and there may be others, of this Sluice too. */
interface Profiles extends Partial<ClientConfig> {
  readonly profiles?: Readonly<Record<string, Partial<ClientConfig>>>;
}

/**
 * Writes the client's file so that the CLI on this machine just works. A file that somebody pointed at another
 * Sluice (another key) is left alone. Returns whether the file now speaks of this one.
 */
export function writeClientConfig(path: string, config: ClientConfig): boolean {
  let current: Partial<ClientConfig> & { readonly profile?: unknown; readonly profiles?: unknown } = {};
  if (existsSync(path)) {
    try {
      current = JSON.parse(readFileSync(path, "utf8")) as typeof current;
    } catch {
      return false; // not ours to overwrite: it may hold something its owner wants to mend
    }
    // One that holds only profiles of other installations has room for this one.
    const isFree =
      current.key === undefined && current.address === undefined && current.profiles !== undefined;
    // The own key by its id, with an older secret: the rotation did not come to writing this file.
    const isOurs = current.key === config.key || current.keyId === config.keyId;
    if (!isOurs && !isFree) return false;
  }
  const { profile, profiles } = current;
  writeFileAtomicSync(path, `${JSON.stringify({ ...config, profile, profiles }, null, 2)}\n`, 0o600);
  return true;
}

function parseKey(path: string, text: string): OwnKey {
  try {
    const value = JSON.parse(text) as Partial<OwnKey>;
    const { id, secret, older } = value;
    if (typeof id === "string" && typeof secret === "string" && secret.length >= 16) {
      const isOlder = typeof older?.secret === "string" && typeof older.validUntilMs === "number";
      return { id, secret, older: isOlder ? older : null };
    }
  } catch {
    // said below, without the content: it may be a secret
  }
  throw new Error(
    `${path} does not hold an access key {"id", "secret"}; mend it, or remove it to get a new one`,
  );
}
