import { createCipheriv, createDecipheriv, createHash } from "node:crypto";
import type { Random } from "../ports/random.ts";

export const SEALING_KEY_BYTES = 32;
/** NIST SP 800-38D §8.2.2: 96 bits of chance are good for 2^32 seals under one key. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Seals the secrets of access keys with AES-256-GCM, so that the store alone signs nothing. A sealed text is `<id of the sealing
 * key>.<base64 of nonce, cipher text and tag>`; the access key's id is bound into it, so that it opens only where it was put.
 */
export class Sealer {
  /** Tells sealing keys apart, and nothing else of them. */
  readonly id: string;
  readonly #key: Uint8Array;
  readonly #random: Pick<Random, "hex">;

  /** `key`: SEALING_KEY_BYTES of chance. `random`: for nonces, of which two that are the same would tell of the secrets. */
  constructor(key: Uint8Array, random: Pick<Random, "hex">) {
    this.#key = key;
    this.#random = random;
    this.id = createHash("sha256").update("sluice sealing key id").update(key).digest("hex").slice(0, 12);
  }

  seal(secret: string, keyId: string): string {
    const nonce = Buffer.from(this.#random.hex(NONCE_BYTES), "hex");
    const cipher = createCipheriv("aes-256-gcm", this.#key, nonce).setAAD(Buffer.from(keyId));
    const text = Buffer.concat([cipher.update(secret, "utf8"), cipher.final()]);
    return `${this.id}.${Buffer.concat([nonce, text, cipher.getAuthTag()]).toString("base64")}`;
  }

  /** Null: sealed by another key, or not what {@link seal} made for this access key. */
  unseal(sealed: string, keyId: string): string | null {
    if (sealerOf(sealed) !== this.id) return null;
    const bytes = Buffer.from(sealed.slice(this.id.length + 1), "base64");
    if (bytes.length < NONCE_BYTES + TAG_BYTES) return null;
    const decipher = createDecipheriv("aes-256-gcm", this.#key, bytes.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(Buffer.from(keyId)).setAuthTag(bytes.subarray(-TAG_BYTES));
    try {
      const text = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES), undefined, "utf8");
      return text + decipher.final("utf8");
    } catch {
      return null; // changed, or sealed for another access key
    }
  }
}

/** Id of the sealing key that a sealed text needs. */
export const sealerOf = (sealed: string): string => sealed.slice(0, Math.max(0, sealed.indexOf(".")));
