import { readFileSync } from "node:fs";
import { writeFileAtomicSync } from "../base/atomic-file.ts";
import type { AccessKeyRecord } from "../core/access/access-key.ts";
import type { Random } from "../ports/random.ts";
import { SEALING_KEY_BYTES, Sealer, sealerOf } from "../server/sealing.ts";

/** What `sealing-key.json` holds. */
interface KeyFile {
  /** Hex. */
  readonly key: string;
  /** Ids of sealing keys that somebody said are lost: what they sealed is not missed. */
  readonly lost: readonly string[];
}

/** The key that the secrets of access keys are sealed with is missing, or is another one. */
export class BadSealingKey extends Error {
  override readonly name = "BadSealingKey";
}

/**
 * The sealer of this home. Its key is made at the first start, mode 0600, beside the store and not in it. An empty file says that the key
 * is lost: another one is made then, and access keys sealed by the lost one open as bearer tokens alone until they are rotated.
 * @throws BadSealingKey when access keys are sealed by a key that is not there
 */
export function openSealer(
  path: string,
  random: Random,
  accessKeys: ReadonlyMap<string, AccessKeyRecord>,
): Sealer {
  const needed = new Set(
    [...accessKeys.values()].flatMap(({ secret, olderSecret }) =>
      [secret, ...(olderSecret === null ? [] : [olderSecret])].map((kept) => sealerOf(kept.sealed)),
    ),
  );
  const found = readKeyFile(path);
  if (found === "missing" && needed.size > 0) throw missing(path, "is missing");
  if (typeof found === "string") {
    const file = { key: random.hex(SEALING_KEY_BYTES), lost: [...needed] };
    writeFileAtomicSync(path, `${JSON.stringify(file, null, 2)}\n`, 0o600);
    return made(file, random);
  }
  const sealer = made(found, random);
  const strange = [...needed].filter((id) => id !== sealer.id && !found.lost.includes(id));
  if (strange.length > 0) throw missing(path, "holds another key");
  return sealer;
}

const made = ({ key }: KeyFile, random: Random) => new Sealer(Buffer.from(key, "hex"), random);

function missing(path: string, what: string): BadSealingKey {
  return new BadSealingKey(
    `${path} ${what}, and the secrets of access keys in the store are sealed by the key that was there: put that file back. If it is lost for good, leave an empty file in its place: a new key is made then, and those access keys open by Authorization: Bearer alone until each is rotated`,
  );
}

function readKeyFile(path: string): KeyFile | "missing" | "empty" {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "missing";
    throw new BadSealingKey(`${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  if (text.trim() === "") return "empty";
  try {
    const { key, lost = [] } = JSON.parse(text) as Partial<KeyFile>;
    const isKey = typeof key === "string" && new RegExp(`^[0-9a-f]{${2 * SEALING_KEY_BYTES}}$`).test(key);
    if (isKey && Array.isArray(lost)) return { key, lost };
  } catch {
    // said below, without the content: it is a secret
  }
  throw new BadSealingKey(`${path} does not hold a sealing key {"key"}: put the right file back`);
}
