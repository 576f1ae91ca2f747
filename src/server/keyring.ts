import type { AccessKeyRecord, KeptSecret } from "../core/access/access-key.ts";
import type { Caller } from "../core/access/caller.ts";
import type { Sealer } from "./sealing.ts";
import { isSame } from "./signing/compare.ts";
import { sha256 } from "./signing/signature.ts";

/** The installation's own access key, which is in a file of its home. It is an admin, is never restricted, and does not expire. */
export interface OwnKey {
  readonly id: string;
  readonly secret: string;
  /** The secret before the last rotation; null: it opens nothing any more. */
  readonly older: { readonly secret: string; readonly validUntilMs: number } | null;
}

/** The file of the installation's own key. */
export interface OwnKeyFile {
  read(): OwnKey;
  /** Keeps another secret; the one before opens until then, null: not at all. Durable when it returns. */
  rotate(secret: string, olderUntilMs: number | null): void;
}

/** A key that somebody has shown, or says to have. */
export interface FoundKey {
  readonly caller: Caller;
  /** Null: never. */
  readonly expiresAtMs: number | null;
}

interface Index {
  readonly made: ReadonlyMap<string, AccessKeyRecord>;
  readonly bySecret: ReadonlyMap<string, { readonly record: AccessKeyRecord; readonly validUntilMs: number }>;
}

/**
 * Every access key, by secret and by id. Bearer secrets are looked up by their SHA-256: what a look in a map takes depends on the digest,
 * and whoever could choose digests could read secrets anyway, so time tells nothing; and it takes the same with a thousand keys as with one.
 */
export class Keyring {
  readonly #own: OwnKeyFile;
  readonly #sealer: Sealer;
  #index: Index = { made: new Map(), bySecret: new Map() };
  /** Stands for the secret of a key that is not there, so that its signature is worked out, too. */
  readonly #decoy: KeptSecret;

  constructor(own: OwnKeyFile, sealer: Sealer) {
    this.#own = own;
    this.#sealer = sealer;
    this.#decoy = { sha256: "", sealed: sealer.seal("nobody's", "nobody") };
  }

  /** `made`: all keys but the own one; the same map as long as nothing changed. */
  use(made: ReadonlyMap<string, AccessKeyRecord>): void {
    if (made === this.#index.made) return;
    const bySecret = new Map<string, { record: AccessKeyRecord; validUntilMs: number }>();
    for (const record of made.values()) {
      const { secret, olderSecret } = record;
      bySecret.set(secret.sha256, { record, validUntilMs: Number.POSITIVE_INFINITY });
      if (olderSecret !== null)
        bySecret.set(olderSecret.sha256, { record, validUntilMs: olderSecret.validUntilMs });
    }
    this.#index = { made, bySecret };
  }

  /** Whose secret this is; null: nobody's, or no more. */
  bySecret(given: string, nowMs: number): FoundKey | null {
    const digest = sha256(given);
    const own = this.#own.read();
    const isOwn = isSame(given, own.secret);
    const isOwnOlder =
      own.older !== null && isSame(given, own.older.secret) && nowMs < own.older.validUntilMs;
    const found = this.#index.bySecret.get(digest);
    if (isOwn || isOwnOlder) return ownKey(own);
    return found === undefined || nowMs >= found.validUntilMs ? null : madeKey(found.record);
  }

  /** The key of this id, and the secrets that it may sign with now; a key that is not there has one that nobody knows. */
  byId(id: string, nowMs: number): { readonly key: FoundKey | null; readonly secrets: readonly string[] } {
    const own = this.#own.read();
    if (id === own.id) {
      const older = own.older !== null && nowMs < own.older.validUntilMs ? [own.older.secret] : [];
      return { key: ownKey(own), secrets: [own.secret, ...older] };
    }
    const record = this.#index.made.get(id);
    if (record === undefined) return { key: null, secrets: [this.#open(this.#decoy, "nobody") ?? ""] };
    const { secret, olderSecret } = record;
    const kept = olderSecret !== null && nowMs < olderSecret.validUntilMs ? [secret, olderSecret] : [secret];
    const secrets = kept.flatMap((k) => this.#open(k, id) ?? []);
    return { key: madeKey(record), secrets };
  }

  #open(kept: KeptSecret, id: string): string | null {
    return this.#sealer.unseal(kept.sealed, id);
  }
}

const ownKey = ({ id }: OwnKey): FoundKey => ({
  caller: { keyId: id, note: OWN_NOTE, role: "admin", restriction: null },
  expiresAtMs: null,
});

const madeKey = ({ id, note, role, restriction, expiresAtMs }: AccessKeyRecord): FoundKey => ({
  caller: { keyId: id, note, role, restriction },
  expiresAtMs,
});

/** What lists and the audit log say of the installation's own key. */
export const OWN_NOTE = "the installation's own key";
