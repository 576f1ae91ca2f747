import { createHash, type Hash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { Crc64 } from "./crc64.ts";

/** What a source says of the whole of its bytes. */
export interface Expected {
  /** Lower-case hex. */
  readonly sha256?: string;
  readonly md5?: string;
  /** Decimal. */
  readonly crc64?: string;
}

/**
 * Checksums that an answer names. `Content-MD5`: RFC 1864. An ETag is the MD5 only at object stores, and there only for
 * objects that were put in one piece and not encrypted with a key of their own; elsewhere it may be anything.
 */
export function expectedOf(headers: IncomingHttpHeaders): Expected {
  const md5 = one(headers["content-md5"]);
  const sha256 = one(headers["x-amz-checksum-sha256"]);
  const crc64 = one(headers["x-oss-hash-crc64ecma"]);
  const isStore = headers["x-amz-request-id"] !== undefined || headers["x-oss-request-id"] !== undefined;
  const encryption = one(headers["x-amz-server-side-encryption"]) ?? "";
  const isPlain =
    !encryption.startsWith("aws:") && !("x-amz-server-side-encryption-customer-algorithm" in headers);
  const tag = isStore && isPlain ? /^"([0-9a-f]{32})"$/i.exec(headers.etag ?? "")?.[1] : undefined;
  const md5Hex = md5 === undefined ? tag?.toLowerCase() : base64Hex(md5, 16);
  const sha256Hex = sha256 === undefined ? undefined : base64Hex(sha256, 32);
  return {
    ...(md5Hex === undefined ? {} : { md5: md5Hex }),
    ...(sha256Hex === undefined ? {} : { sha256: sha256Hex }),
    ...(crc64 === undefined ? {} : { crc64 }),
  };
}

/** The sums of bytes that come piece by piece: SHA-256 always, the others when they are asked for. */
export class Sums {
  readonly #sha256 = createHash("sha256");
  readonly #md5: Hash | null;
  readonly #crc64: Crc64 | null;
  readonly #expected: readonly Expected[];

  constructor(expected: readonly Expected[]) {
    this.#expected = expected;
    this.#md5 = expected.some((e) => e.md5 !== undefined) ? createHash("md5") : null;
    this.#crc64 = expected.some((e) => e.crc64 !== undefined) ? new Crc64() : null;
  }

  update(bytes: Uint8Array): void {
    this.#sha256.update(bytes);
    this.#md5?.update(bytes);
    this.#crc64?.update(bytes);
  }

  /** `wrong`: the first sum that differs, in words; null: none does. Call once. */
  finish(): { readonly sha256: string; readonly wrong: string | null } {
    const sha256 = this.#sha256.digest("hex");
    const found = { sha256, md5: this.#md5?.digest("hex"), crc64: this.#crc64?.digest() };
    for (const expected of this.#expected) {
      for (const kind of ["sha256", "md5", "crc64"] as const) {
        const sum = expected[kind];
        if (sum !== undefined && sum !== found[kind])
          return { sha256, wrong: `its ${kind} is ${found[kind]}, but should be ${sum}` };
      }
    }
    return { sha256, wrong: null };
  }
}

const one = (value: string | string[] | undefined) => (Array.isArray(value) ? value[0] : value);

/** Undefined when it does not have that many bytes: sums of sums (`…-3`) are not of the whole. */
function base64Hex(text: string, bytes: number): string | undefined {
  const decoded = Buffer.from(text, "base64");
  return decoded.length === bytes && decoded.toString("base64") === text.trim()
    ? decoded.toString("hex")
    : undefined;
}
