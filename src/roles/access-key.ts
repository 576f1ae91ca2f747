import { existsSync, readFileSync } from "node:fs";
import { writeFileAtomicSync } from "../base/atomic-file.ts";
import type { Random } from "../ports/random.ts";

/** Id and secret of a client of the control API, in the words of `eascmd config -i -k`. */
export interface AccessKey {
  readonly id: string;
  readonly secret: string;
}

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

/**
 * The home's access key; made at the first start, mode 0600.
 * @throws Error naming the file when it holds something else
 */
export function readOrMakeAccessKey(path: string, random: Random): AccessKey {
  if (existsSync(path)) return parseKey(path, readFileSync(path, "utf8"));
  const key: AccessKey = { id: `sluice-${random.hex(4)}`, secret: random.hex(SECRET_BYTES) };
  writeFileAtomicSync(path, `${JSON.stringify(key, null, 2)}\n`, 0o600);
  return key;
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
    if (current.key !== config.key && !isFree) return false;
  }
  const { profile, profiles } = current;
  writeFileAtomicSync(path, `${JSON.stringify({ ...config, profile, profiles }, null, 2)}\n`, 0o600);
  return true;
}

function parseKey(path: string, text: string): AccessKey {
  try {
    const value = JSON.parse(text) as Partial<AccessKey>;
    if (typeof value.id === "string" && typeof value.secret === "string" && value.secret.length >= 16) {
      return { id: value.id, secret: value.secret };
    }
  } catch {
    // said below, without the content: it may be a secret
  }
  throw new Error(
    `${path} does not hold an access key {"id", "secret"}; mend it, or remove it to get a new one`,
  );
}
